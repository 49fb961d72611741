import { join, raw, type Sql, sql } from '../../db/sql.ts';
import type { Resource } from '../../resources/contract.ts';
import type { ApplyTarget } from '../contract.ts';
import type { JournalKind } from '../journal-kind.ts';

/** What a change is about, each as SQL. */
export interface ChangeParts {
  kind: JournalKind;
  fields: Sql;
  /** Sorted. */
  keys: Sql;
  firstKey: Sql;
  /** Default: there was nothing. */
  before?: Sql;
  /** Default: there is nothing. */
  after?: Sql;
  /** Model of the records that these went along with, or come back with. */
  cascadeOf?: string;
  /** Models of which the cascade is kept; null: it is not kept. Default: there is no cascade. */
  cascadeKept?: readonly string[] | null | undefined;
}

const nothing = raw('null');

/**
 * The insert that keeps a change with who made it, without the `from` that its parts are read from.
 */
export function insertChange(
  {
    resource,
    t,
    author,
  }: Pick<ApplyTarget, 't' | 'author'> & { resource: Pick<Resource, 'model' | 'slug'> },
  {
    kind,
    fields,
    keys,
    firstKey,
    before = nothing,
    after = nothing,
    cascadeOf,
    cascadeKept,
  }: ChangeParts,
): Sql {
  const row = {
    model: sql`${resource.model.name}::text`,
    resource: sql`${resource.slug}::text`,
    kind: raw(`'${kind}'`),
    task_id: sql`${author.taskId}::int`,
    chunk: sql`${author.chunk}::int`,
    principal_id: sql`${author.principalId}::text`,
    principal_name: sql`${author.principalName}::text`,
    change_reason: sql`${author.changeReason}::text`,
    fields,
    keys,
    first_key: firstKey,
    before,
    after,
    ...(cascadeOf === undefined ? {} : { along_with: sql`${cascadeOf}::text` }),
    ...(cascadeKept === undefined ? {} : { kept_along: sql`${cascadeKept}::text[]` }),
  };
  return sql`insert into ${raw(`${t.change} (${Object.keys(row).join(', ')})`)} select ${join(Object.values(row))}`;
}
