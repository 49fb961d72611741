import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import { query, raw, type Sql, shared, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';
import { AppError, notFound } from '../errors.ts';
import type { ResourceRegistry } from '../resources/contract.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/**
 * Slugs of the resources whose tasks a principal sees, whoever started them; null: those of every
 * resource.
 */
export function tasksSeen(
  { list }: Pick<ResourceRegistry, 'list'>,
  principal: Principal,
): readonly string[] | null {
  const seen = list.filter((resource) => resource.seesTasks(principal));
  // Where there is no resource to ask, those of the role that sees everything by default.
  if (list.length === 0) return principal.roles.includes('admin') ? null : [];
  return seen.length === list.length ? null : seen.map(({ slug }) => slug);
}

/** Does somebody read the audit, pause queues, and ask workers to stop? An admin who sees every task does, and the system. */
export function operates(
  { registry }: Pick<TaskContext, 'registry'>,
  principal: Principal,
): boolean {
  if (isSystem(principal)) return true;
  return principal.roles.includes('admin') && tasksSeen(registry, principal) === null;
}

/** Throws AppError 'not-found' (404) for those who do not see every task, 'forbidden' (403) for other roles. */
export function assertOperates(context: Pick<TaskContext, 'registry'>, principal: Principal): void {
  if (operates(context, principal)) return;
  if (tasksSeen(context.registry, principal) !== null) throw notFound();
  throw new AppError('forbidden', 403, 'Queues and workers are for the role admin.');
}

/** Does somebody see a task by what it is about? Null: it is about nothing that is a resource. */
export function seesByResource(
  { list }: Pick<ResourceRegistry, 'list'>,
  principal: Principal,
  { resource, principalId }: Pick<TaskRow, 'principalId'> & { resource: string | null },
): boolean | null {
  if (principalId === principal.id) return true;
  return list.find(({ slug }) => slug === resource)?.seesTasks(principal) ?? null;
}

export function seesTask(
  { registry, people }: Pick<TaskContext, 'registry' | 'people'>,
  principal: Principal,
  task: Pick<TaskRow, 'resource' | 'principalId' | 'operation' | 'principal'>,
): boolean {
  const byResource = seesByResource(registry, principal, task);
  if (byResource !== null) return byResource;
  if (!people.seesTask || isSystem(principal)) return tasksSeen(registry, principal) === null;
  return people.seesTask(principal, { name: task.operation, principal: task.principal });
}

/**
 * The same of rows of `task`. Where the project says who sees what is about no resource, it is asked
 * once for each name and launcher among them, which is one statement more.
 */
export async function seenSql(
  { db, registry, people }: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  client: Queryable = db.pages,
): Promise<Sql> {
  const seen = tasksSeen(registry, principal);
  if (!people.seesTask || isSystem(principal)) {
    const slugs = shared(sql`${seen}::text[]`);
    return sql`(${slugs} is null or resource = any(${slugs}) or principal_id = ${principal.id})`;
  }
  const known = registry.list.map(({ slug }) => slug);
  const isAboutNone = sql`(resource is null or resource <> all(${known}::text[]))`;
  const { rows } = await query<Pick<TaskRow, 'operation' | 'principal'>>(
    client,
    sql`select distinct operation, principal from ${raw(db.t.task)} where ${isAboutNone} and principal_id <> ${principal.id}`,
  );
  const { seesTask: sees } = people;
  const shown = rows.filter((task) =>
    sees(principal, { name: task.operation, principal: task.principal }),
  );
  const names = shown.map(({ operation }) => operation);
  const launchers = shown.map((task) => JSON.stringify(task.principal));
  return sql`(principal_id = ${principal.id} or resource = any(${seen ?? known}::text[]) or ${isAboutNone} and exists (
    select from unnest(${names}::text[], ${launchers}::jsonb[]) shown(name, launcher) where name = operation and launcher = principal))`;
}
