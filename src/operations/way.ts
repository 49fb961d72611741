import type { Resource } from '../resources/contract.ts';

/**
 * How a task writes its records; kept with it.
 * - `sql`: statements on sets of records
 * - `sql-with-rules`: the same, between a read and the resource's own rules, which look at one record after the other
 * - `client`, `client-with-rules`: the project's Prisma client, whose extensions run
 * - `save`: the resource's own `save`, one record after the other
 */
export type Way = 'sql' | 'sql-with-rules' | 'client' | 'client-with-rules' | 'save';

export function wayOf({ writeThrough, validate, hooks }: Resource, operation: string): Way {
  const { beforeSave, afterSave, save, beforeDelete, afterDelete } = hooks;
  if (operation === 'delete') return beforeDelete || afterDelete ? `${writeThrough}-with-rules` : writeThrough;
  if (operation !== 'update') return 'sql';
  if (save) return 'save';
  return validate || beforeSave || afterSave ? `${writeThrough}-with-rules` : writeThrough;
}
