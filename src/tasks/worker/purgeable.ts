import { query, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { maxPreviewHours } from '../previewing/preview.ts';
import { unfinishedSql } from '../states.ts';
import { firstBeyond, oldTasksSql } from './forget-tasks.ts';

/** Selections are for the hour; nobody confirms one of last week. */
const selectionDays = 7;
/** No process has had a hook for so long: it is told nothing more. */
const hookDays = 7;

/** What was forgotten or emptied, by what it is. */
export interface Purged {
  /** Of hooks that no process has had for a week. */
  deliveries: number;
  hooks: number;
  /** Of people, that are over. */
  sessions: number;
  notices: number;
  alerts: number;
  /** Of schedules. */
  runs: number;
  images: number;
  /** Previews of tasks whose rows were emptied. */
  shown: number;
  changes: number;
  tasks: number;
  selections: number;
  previews: number;
  entries: number;
}

/** Rows of a table whose time has come, as SQL. */
export interface Purgeable {
  readonly table: string;
  readonly where: string;
}

/** What is forgotten or emptied by its age alone, by what it is. */
export function purgeable({
  db: { t },
  settings,
}: TaskContext): Record<Exclude<keyof Purged, 'tasks' | 'entries'>, Purgeable> {
  const older = (days: number) => `now() - make_interval(days => ${Math.floor(days)})`;
  const inUse = `select id from ${t.task} where state in (${unfinishedSql})`;
  const history = older(settings.historyRetentionDays);
  return {
    deliveries: {
      table: t.task_delivery,
      where: `hook in (select name from ${t.task_hook} where seen_at < ${older(hookDays)})`,
    },
    hooks: { table: t.task_hook, where: `seen_at < ${older(hookDays)}` },
    sessions: { table: t.session, where: 'expire < now()' },
    notices: { table: t.notice, where: `state <> 'waiting' and created_at < ${history}` },
    alerts: { table: t.alert, where: `over_at < ${history}` },
    runs: { table: t.schedule_run, where: `settled_at < ${history}` },
    images: {
      table: t.change,
      where: `(before is not null or after is not null) and at < ${older(settings.undoRetentionDays)} and (task_id is null or task_id not in (${inUse}))`,
    },
    shown: {
      table: t.task_preview,
      where: `rows is not null and at < ${older(settings.undoRetentionDays)} and task_id not in (${inUse})`,
    },
    changes: {
      table: t.change,
      where: `at < ${history} and (task_id is null or task_id not in (${inUse}))`,
    },
    selections: { table: t.selection, where: `updated_at < ${older(selectionDays)}` },
    previews: {
      table: t.preview,
      where: `created_at < now() - make_interval(hours => ${maxPreviewHours})`,
    },
  };
}

/** What `purge` would forget; nothing is changed. */
export async function countPurgeable(context: TaskContext): Promise<Purged> {
  const { db, settings } = context;
  const { t, background } = db;
  const counts: Partial<Record<keyof Purged, number>> = {};
  const count = async (name: keyof Purged, from: string) => {
    const { rows } = await background.query<{ count: number }>(
      `select count(*)::float8 as count from ${from}`,
    );
    counts[name] = rows[0]?.count ?? 0;
  };
  for (const [name, { table, where }] of Object.entries(purgeable(context)))
    await count(name as keyof Purged, `${table} where ${where}`);
  const old = oldTasksSql(context, await firstBeyond(context));
  const tasks = await query<{ count: number }>(
    background,
    sql`${old} select count(*)::float8 as count from old`,
  );
  const days = `now() - make_interval(days => ${Math.floor(settings.auditRetentionDays)})`;
  await count(
    'entries',
    db.auditKeys.name === null
      ? `${t.audit_entry} where at < ${days} and not exists (select from ${t.audit_seal}) and not exists (select from ${t.audit_checkpoint})`
      : `${t.audit_seal} where sealed_at < ${days}`,
  );
  return { ...(counts as unknown as Purged), tasks: tasks.rows[0]?.count ?? 0 };
}
