/** Every table of ours, by its plain name. */
const tables = [
  'user',
  'session',
  'one_time_link',
  'selection',
  'preview',
  'task',
  'chunk',
  'task_failure',
  'change',
  'task_event',
  'worker',
  'task_slot',
] as const;

/** Qualified, quoted names of our tables: `${t.task}` is `"bulkhead"."task"`. */
export type TableNames = Readonly<Record<(typeof tables)[number], string>>;

export function tableNames(schema: string): TableNames {
  return Object.freeze(Object.fromEntries(tables.map((table) => [table, `"${schema}"."${table}"`]))) as TableNames;
}
