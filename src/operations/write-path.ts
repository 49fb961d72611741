import type { Resource } from '../resources/contract.ts';

/**
 * How a task writes its records; kept with it.
 * - `sql`: statements on sets of records
 * - `sql-with-rules`: the same, between a read and the resource's own rules, which look at one
 *   record after the other
 * - `client`, `client-with-rules`: the project's Prisma client, whose extensions run
 * - `save`: the resource's own `save`, one record after the other
 */
export type WritePath = 'sql' | 'sql-with-rules' | 'client' | 'client-with-rules' | 'save';

/** Of what changes records as a form does. */
export function changePath({
  writeThrough,
  validate,
  hooks,
}: Pick<Resource, 'writeThrough' | 'validate' | 'hooks'>): WritePath {
  if (hooks.save) return 'save';
  return validate || hooks.beforeSave || hooks.afterSave
    ? `${writeThrough}-with-rules`
    : writeThrough;
}

/** Of what deletes them. */
export function deletePath({ writeThrough, hooks }: Resource): WritePath {
  if (hooks.delete) return 'client-with-rules';
  return hooks.beforeDelete || hooks.afterDelete ? `${writeThrough}-with-rules` : writeThrough;
}
