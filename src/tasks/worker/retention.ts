import { forgetEntries } from '../../audit/forget-entries.ts';
import type { TaskContext } from '../context.ts';
import { maxPreviewHours } from '../previewing/preview.ts';
import { repeat } from '../repeat.ts';
import { unfinishedSql } from '../states.ts';
import { firstBeyond, forgetTasks } from './forget-tasks.ts';

/** Rows dealt with in one statement, so that none holds anybody up. */
const maxRows = 1_000;
/** Selections are for the hour; nobody confirms one of last week. */
const selectionDays = 7;
/** No process has had a hook for so long: it is told nothing more. */
const hookDays = 7;

export interface Purged {
  images: number;
  /** Previews of tasks whose rows were emptied. */
  shown: number;
  changes: number;
  tasks: number;
  selections: number;
  previews: number;
  entries: number;
}

/**
 * Empties the images of changes that can no longer be undone, with what was shown before, forgets changes and finished tasks
 * whose time has come, and removes sessions that are over, and selections and previews that nobody came back to. Safe to run
 * anywhere at any time; tasks that are not finished are never touched.
 */
export async function purge(context: TaskContext): Promise<Purged> {
  const { db, settings } = context;
  const { t } = db;
  const older = (days: number) => `now() - make_interval(days => ${Math.floor(days)})`;
  const inUse = `select id from ${t.task} where state in (${unfinishedSql})`;
  await db.background.query(
    `with gone as (delete from ${t.task_hook} where seen_at < ${older(hookDays)} returning name)
     delete from ${t.task_delivery} where hook in (select name from gone)`,
  );
  await db.background.query(
    `delete from ${t.notice} where state <> 'waiting' and created_at < ${older(settings.historyRetentionDays)}`,
  );
  await db.background.query(`delete from ${t.session} where expire < now()`);
  await db.background.query(
    `delete from ${t.alert} where over_at < ${older(settings.historyRetentionDays)}`,
  );
  await db.background.query(
    `delete from ${t.schedule_run} where settled_at < ${older(settings.historyRetentionDays)}`,
  );
  return {
    images: await inParts(
      (limit) => `update ${t.change} set before = null, after = null where id in (
        select id from ${t.change} where (before is not null or after is not null) and at < ${older(settings.undoRetentionDays)}
          and (task_id is null or task_id not in (${inUse})) order by at limit ${limit})`,
    ),
    shown: await inParts(
      (limit) => `update ${t.task_preview} set rows = null where task_id in (
        select task_id from ${t.task_preview} where rows is not null and at < ${older(settings.undoRetentionDays)}
          and task_id not in (${inUse}) order by at limit ${limit})`,
    ),
    changes: await inParts(
      (limit) => `delete from ${t.change} where id in (
        select id from ${t.change} where at < ${older(settings.historyRetentionDays)} and (task_id is null or task_id not in (${inUse}))
        order by at limit ${limit})`,
    ),
    tasks: await forgetAll(),
    selections: await inParts(
      (limit) =>
        `delete from ${t.selection} where id in (select id from ${t.selection} where updated_at < ${older(selectionDays)} order by updated_at limit ${limit})`,
    ),
    previews: await inParts(
      (limit) =>
        `delete from ${t.preview} where id in (select id from ${t.preview} where created_at < now() - make_interval(hours => ${maxPreviewHours}) order by created_at limit ${limit})`,
    ),
    // Last: it throws where the audit is broken.
    entries: await forgetEntries(db, db.background, settings.auditRetentionDays),
  };

  async function forgetAll(): Promise<number> {
    const beyond = await firstBeyond(context);
    return inTurns(() => forgetTasks(context, beyond));
  }

  function inParts(statement: (limit: number) => string): Promise<number> {
    return inTurns(async () => (await db.background.query(statement(maxRows))).rowCount ?? 0);
  }
}

/** Does a part of it at a time, until nothing is left. */
async function inTurns(part: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const count = await part();
    total += count;
    if (count === 0) return total;
  }
}

/** Purges now, and again and again. */
export function startRetention(context: TaskContext): { stop(): Promise<void> } {
  return repeat(
    context.settings.cleanupIntervalMs,
    async () => {
      const purged = await purge(context);
      context.log('debug', 'what was kept long enough is purged', { ...purged });
    },
    (error) => context.log('warning', 'purging will be tried again', { error }),
  );
}
