import type { Principal } from '../auth/principal.ts';
import { type Sql, shared, sql } from '../db/sql.ts';
import type { ResourceRegistry } from '../resources/contract.ts';
import type { TaskRow } from './task-row.ts';

/** What decides who sees a task: what it is about, and who started it. */
export type Seeable = Pick<TaskRow, 'resource' | 'principalId'>;

/**
 * Slugs of the resources whose tasks a principal sees, whoever started them; null: those of every
 * resource, of what is no resource any more, and those about nothing.
 */
export function tasksSeen(
  { list }: Pick<ResourceRegistry, 'list'>,
  principal: Principal,
): readonly string[] | null {
  const seen = list.filter((resource) => resource.seesTasks(principal));
  return seen.length === list.length ? null : seen.map(({ slug }) => slug);
}

export function seesTask(
  registry: Pick<ResourceRegistry, 'list'>,
  principal: Principal,
  { resource, principalId }: Seeable,
): boolean {
  if (principalId === principal.id) return true;
  const seen = tasksSeen(registry, principal);
  return seen === null || (resource !== null && seen.includes(resource));
}

/** The same of rows. */
export function seenSql(registry: Pick<ResourceRegistry, 'list'>, principal: Principal): Sql {
  const seen = shared(sql`${tasksSeen(registry, principal)}::text[]`);
  return sql`(${seen} is null or resource = any(${seen}) or principal_id = ${principal.id})`;
}
