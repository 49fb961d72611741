import type { ApplyTarget } from './contract.ts';

/** Adds a value to a statement's, and gives its place: `$4`. */
export type Parameter = (value: unknown) => string;

/** What a change is about, each as SQL. */
export interface ChangeParts {
  kind: 'create' | 'update' | 'delete';
  fields: string;
  /** Sorted. */
  keys: string;
  firstKey: string;
  /** Null: there was nothing. */
  before?: string;
  /** Null: there is nothing. */
  after?: string;
}

/** The insert that keeps a change with who made it, without the `from` that its parts are read from. */
export function insertChange(
  { resource, t, author }: Pick<ApplyTarget, 'resource' | 't' | 'author'>,
  parameter: Parameter,
  { kind, fields, keys, firstKey, before = 'null', after = 'null' }: ChangeParts,
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
  };
  return `insert into ${t.change} (${Object.keys(row).join(', ')}) select ${Object.values(row).join(', ')}`;
}
