import { escapeIdentifier } from 'pg';

/** Every table of ours, by its plain name. */
const tables = [
  'user',
  'session',
  'one_time_link',
  'selection',
  'preview',
  'task',
  'chunk',
  'lock_set',
  'lock_range',
  'descendant',
  'task_failure',
  'task_alteration',
  'change',
  'task_event',
  'task_step',
  'task_log',
  'task_about',
  'matched_task',
  'task_preview',
  'task_start',
  'task_hook',
  'task_delivery',
  'notice',
  'notice_preference',
  'worker',
  'worker_end',
  'web_process',
  'paused_queue',
  'task_slot',
  'schema_push',
  'schedule',
  'schedule_run',
  'audit_entry',
  'audit_seal',
  'audit_checkpoint',
  'alert',
  'probe',
] as const;

/** Every function of ours. */
const functions = ['attempt_each'] as const;

/** Qualified, quoted names of what is ours: `${t.task}` is `"bulkhead"."task"`. */
export type TableNames = Readonly<
  Record<(typeof tables)[number] | (typeof functions)[number], string>
>;

export function tableNames(schema: string): TableNames {
  return Object.freeze(
    Object.fromEntries(
      [...tables, ...functions].map((table) => [
        table,
        `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`,
      ]),
    ),
  ) as TableNames;
}
