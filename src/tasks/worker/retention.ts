import { forgetEntries } from '../../audit/forget-entries.ts';
import type { TaskContext } from '../context.ts';
import { repeat } from '../repeat.ts';
import { firstBeyond, forgetTasks } from './forget-tasks.ts';
import { type Purgeable, type Purged, purgeable } from './purgeable.ts';

/** Rows dealt with in one statement, so that none holds anybody up. */
const maxRows = 1_000;

/**
 * Empties the images of changes that can no longer be undone, with what was shown before, forgets changes and finished tasks
 * whose time has come, and removes sessions that are over, and selections and previews that nobody came back to. Safe to run
 * anywhere at any time; tasks that are not finished are never touched.
 */
export async function purge(context: TaskContext): Promise<Purged> {
  const { db, settings } = context;
  const old = purgeable(context);
  return {
    ...(await forgetHooks()),
    sessions: await forget(old.sessions),
    notices: await forget(old.notices),
    alerts: await forget(old.alerts),
    runs: await forget(old.runs),
    images: await inParts(
      old.images,
      'at',
      (ids) => `update ${old.images.table} set before = null, after = null where id in (${ids})`,
    ),
    shown: await inParts(
      old.shown,
      'at',
      (ids) => `update ${old.shown.table} set rows = null where task_id in (${ids})`,
      'task_id',
    ),
    changes: await remove(old.changes, 'at'),
    tasks: await forgetAll(),
    selections: await remove(old.selections, 'updated_at'),
    previews: await remove(old.previews, 'created_at'),
    // Last: it throws where the audit is broken.
    entries: await forgetEntries(db, db.background, settings.auditRetentionDays),
  };

  async function forgetAll(): Promise<number> {
    const beyond = await firstBeyond(context);
    return inTurns(() => forgetTasks(context, beyond));
  }

  async function forgetHooks(): Promise<Pick<Purged, 'hooks' | 'deliveries'>> {
    const { t } = db;
    const { rows } = await db.background.query(
      `with gone as (delete from ${t.task_hook} where ${old.hooks.where} returning name),
         dropped as (delete from ${t.task_delivery} where hook in (select name from gone) returning 1)
       select (select count(*)::int from gone) as hooks, (select count(*)::int from dropped) as deliveries`,
    );
    return rows[0];
  }

  async function forget({ table, where }: Purgeable): Promise<number> {
    return (await db.background.query(`delete from ${table} where ${where}`)).rowCount ?? 0;
  }

  function remove(rows: Purgeable, order: string): Promise<number> {
    return inParts(rows, order, (ids) => `delete from ${rows.table} where id in (${ids})`);
  }

  function inParts(
    { table, where }: Purgeable,
    order: string,
    statement: (ids: string) => string,
    id = 'id',
  ): Promise<number> {
    const ids = `select ${id} from ${table} where ${where} order by ${order} limit ${maxRows}`;
    return inTurns(async () => (await db.background.query(statement(ids))).rowCount ?? 0);
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
