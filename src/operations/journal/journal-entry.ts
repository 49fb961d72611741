import type { Resource } from '../../resources/contract.ts';
import type { ApplyTarget } from '../contract.ts';
import type { JournalKind } from '../journal-kind.ts';

/** Adds a value to a statement's, and gives its place: `$4`. */
export type Parameter = (value: unknown) => string;

/** What a change is about, each as SQL. */
export interface ChangeParts {
  kind: JournalKind;
  fields: string;
  /** Sorted. */
  keys: string;
  firstKey: string;
  /** Null: there was nothing. */
  before?: string;
  /** Null: there is nothing. */
  after?: string;
  /** Model of the records that these went along with, or come back with. */
  alongWith?: string;
  /** Models of which what went along is kept; null: it is not kept. Default: nothing goes along. */
  keptAlong?: readonly string[] | null | undefined;
}

/** The insert that keeps a change with who made it, without the `from` that its parts are read from. */
export function insertChange(
  { resource, t, author }: Pick<ApplyTarget, 't' | 'author'> & { resource: Pick<Resource, 'model' | 'slug'> },
  parameter: Parameter,
  { kind, fields, keys, firstKey, before = 'null', after = 'null', alongWith, keptAlong }: ChangeParts,
): string {
  const row = {
    model: `${parameter(resource.model.name)}::text`,
    resource: `${parameter(resource.slug)}::text`,
    kind: `'${kind}'`,
    task_id: `${parameter(author.taskId)}::int`,
    chunk: `${parameter(author.chunk)}::int`,
    principal_id: `${parameter(author.principalId)}::text`,
    principal_name: `${parameter(author.principalName)}::text`,
    change_reason: `${parameter(author.changeReason)}::text`,
    fields,
    keys,
    first_key: firstKey,
    before,
    after,
    ...(alongWith === undefined ? {} : { along_with: `${parameter(alongWith)}::text` }),
    ...(keptAlong === undefined ? {} : { kept_along: `${parameter(keptAlong)}::text[]` }),
  };
  return `insert into ${t.change} (${Object.keys(row).join(', ')}) select ${Object.values(row).join(', ')}`;
}
