import { escapeIdentifier } from 'pg';
import type { Queryable } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { isPossible } from '../../resources/possible-actions.ts';
import { linksOf } from '../journal/images.ts';
import { type ForeignKey, type Heirs, readKeysAndHeirs } from './foreign-keys.ts';

/** Levels of records that go along with a deleted one and can be kept. */
const maxLevels = 2;

/** A model whose records go along with deleted ones. */
export interface Dependant {
  /** The resource of its records, not narrowed to any principal. */
  readonly resource: Resource;
  /**
   * The foreign keys by which they are deleted: to the deleted records (`of` null) or to another
   * dependant.
   */
  readonly by: readonly { readonly key: ForeignKey; readonly of: Dependant | null }[];
}

/**
 * The cascade of a delete: what the database deletes with records of a model by `ON DELETE
 * CASCADE`, links of many-to-many fields aside.
 */
export type Cascade =
  /** Dependants that are pointed at come before those that point; empty: there is none. */
  | { readonly isKept: true; readonly dependants: readonly Dependant[] }
  /**
   * What goes along cannot be kept, because of `table`. `heirs`: the records themselves cannot be
   * kept either, since the table that each belongs to is not known.
   */
  | {
      readonly isKept: false;
      readonly reason: 'circle' | 'deep' | 'no-record' | 'heirs';
      readonly table: string;
      readonly tables: readonly string[];
    };

export async function findCascade(
  client: Queryable,
  registry: ResourceRegistry,
  model: ModelMeta,
): Promise<Cascade> {
  const { keys, heirs } = await readKeysAndHeirs(client);
  return cascadeFrom(keys, heirs, registry, model);
}

type TableName = string;

const sourceOf = ({ schema, table }: ForeignKey): TableName => JSON.stringify([schema, table]);
const targetOf = ({ targetSchema, targetTable }: ForeignKey): TableName =>
  JSON.stringify([targetSchema, targetTable]);
const tableOf = ({ dbSchema, dbTable }: ModelMeta): TableName =>
  JSON.stringify([dbSchema, dbTable]);

export function cascadeFrom(
  keys: readonly ForeignKey[],
  heirs: Heirs,
  registry: ResourceRegistry,
  model: ModelMeta,
): Cascade {
  const root = tableOf(model);
  const levels = new Map<TableName, number>();
  const tables = new Set<string>();
  const problems: Omit<Cascade & { isKept: false }, 'isKept' | 'tables'>[] = [];
  const resourceOf = (table: TableName) =>
    registry.list.find((resource) => tableOf(resource.model) === table) ?? null;

  function follow(path: readonly TableName[]): void {
    const heir = heirs.get(path.at(-1) as TableName);
    if (heir !== undefined) problems.push({ reason: 'heirs', table: heir });
    for (const key of cascading(
      keys,
      path.at(-1) as TableName,
      path.length === 1 ? model : resourceOf(path.at(-1) as TableName)?.model,
    )) {
      const source = sourceOf(key);
      tables.add(key.table);
      const resource = resourceOf(source);
      if (path.includes(source)) problems.push({ reason: 'circle', table: key.table });
      else if (path.length > maxLevels) problems.push({ reason: 'deep', table: key.table });
      else if (!resource || !isPossible(resource.model, 'delete'))
        problems.push({ reason: 'no-record', table: key.table });
      else {
        levels.set(source, Math.max(levels.get(source) ?? 0, path.length));
        follow([...path, source]);
      }
    }
  }

  follow([root]);
  const [problem] = problems;
  if (problem) return { isKept: false, ...problem, tables: [...tables] };
  const dependants = new Map<TableName, Dependant>();
  for (const [table] of [...levels].sort(([, one], [, other]) => one - other)) {
    const by = keys
      .filter((key) => key.action === 'cascade' && sourceOf(key) === table)
      .map((key) => ({ key, of: targetOf(key) === root ? null : dependants.get(targetOf(key)) }))
      .filter((link): link is Dependant['by'][number] => link.of !== undefined);
    dependants.set(table, { resource: resourceOf(table) as Resource, by });
  }
  return { isKept: true, dependants: [...dependants.values()] };
}

/**
 * Keys whose rows go with those of a table; links of a model's many-to-many fields stand in its
 * records' own images.
 */
function cascading(
  keys: readonly ForeignKey[],
  table: TableName,
  model: ModelMeta | undefined,
): ForeignKey[] {
  const joinTables = model ? linksOf(model).map(({ relation }) => relation?.joinTable) : [];
  const nameOf = (key: ForeignKey) =>
    `${escapeIdentifier(key.schema)}.${escapeIdentifier(key.table)}`;
  return keys.filter(
    (key) =>
      key.action === 'cascade' && targetOf(key) === table && !joinTables.includes(nameOf(key)),
  );
}
