import { escapeIdentifier } from 'pg';
import { join, query, raw, type Sql, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { limits } from '../../limits.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import type { ApplyTarget, HoldersOf, Refusal } from '../contract.ts';
import { lastImage } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { journal } from '../journal-kind.ts';
import type { Dependant } from './dependants.ts';
import type { ForeignKey } from './foreign-keys.ts';

/**
 * Key in the image of a cascaded record for the records that it went with: their ids by key. No
 * column of Prisma's has such a name.
 */
export const withKey = '*with';

export interface Taking {
  dependants: readonly Dependant[];
  holdersOf: HoldersOf;
}

/** The cascade of deleted records, and whether it is kept. */
export interface DeletedCascade {
  dependants: readonly Dependant[];
  /** As `ChangeParts` has it. */
  cascadeKept?: readonly string[] | null;
}

export function deletedCascade(
  dependants: readonly Dependant[],
  isTooMany: boolean,
): DeletedCascade {
  if (isTooMany) return { dependants: [], cascadeKept: null };
  return { dependants, cascadeKept: dependants.map(({ resource }) => resource.model.name) };
}

type Author = Pick<ApplyTarget, 'resource' | 't' | 'author'>;

export interface LockedCascade {
  /** Those whose dependants nobody else holds. */
  free: readonly string[];
  conflicts: readonly Refusal[];
  /** More go along than are kept. */
  isTooMany: boolean;
}

/**
 * Locks records and everything that would be deleted with them, level by level, so that nobody can
 * add to it, take from it or edit it; then asks who holds any of it. Each step is a statement of
 * its own: a statement that waited does not see what it waited for.
 */
export async function lockCascade(
  client: Queryable,
  model: ModelMeta,
  { dependants, holdersOf }: Taking,
  keys: readonly string[],
): Promise<LockedCascade> {
  if (keys.length === 0) return { free: keys, conflicts: [], isTooMany: false };
  const condition = keyCondition(model, 'r', keys);
  const order = raw(`${keySql(model, 'r')} collate "C"`);
  await query(
    client,
    sql`select 1 from ${raw(model.table)} r where ${condition} order by ${order} for update of r`,
  );
  const conflicts = new Map<string, { keys: string[] }>();
  let room: number = limits.record.cascade;
  for (const dependant of dependants) {
    const found = await lockRows(client, model, dependant, condition, room + 1);
    if (found.length > room) return { free: keys, conflicts: [], isTooMany: true };
    room -= found.length;
    if (found.length === 0) continue;
    const holders = await holdersOf(client, dependant.resource.model.name, found);
    for (const holder of new Set(holders.values())) {
      const held = [...holders].filter(([, one]) => one === holder).map(([key]) => key);
      const message = `${dependant.resource.label} that would go with it: ${holder}`;
      conflicts.set(message, {
        keys: [
          ...(conflicts.get(message)?.keys ?? []),
          ...(await parentsOf(client, model, dependant, keys, held)),
        ],
      });
    }
  }
  const named = new Set<string>();
  const refusals = [...conflicts].map(([message, { keys: taking }]) => {
    const fresh = taking.filter((key) => !named.has(key));
    for (const key of fresh) named.add(key);
    return { code: 'locked', message, keys: fresh };
  });
  return {
    free: keys.filter((key) => !named.has(key)),
    conflicts: refusals.filter((refusal) => refusal.keys.length > 0),
    isTooMany: false,
  };
}

async function lockRows(
  client: Queryable,
  root: ModelMeta,
  dependant: Dependant,
  condition: Sql,
  limit: number,
): Promise<string[]> {
  const { model } = dependant.resource;
  const ids = idColumns(model);
  const own = raw(ids.map((id) => `t.${id}`).join(', '));
  const cascaded = raw(ids.map((_, index) => `id${index}`).join(', '));
  const { rows } = await query<{ key: string }>(
    client,
    sql`select ${raw(keySql(model, 't'))} collate "C" as key from ${raw(model.table)} t
     where (${own}) in (select ${cascaded} from (${cascadeSql(root, dependant, condition)}) cascaded)
     order by 1 limit ${raw(String(limit))} for update of t`,
  );
  return rows.map(({ key }) => key);
}

/** Records of `keys` that would take one of these along. */
async function parentsOf(
  client: Queryable,
  root: ModelMeta,
  dependant: Dependant,
  keys: readonly string[],
  held: readonly string[],
): Promise<string[]> {
  const { model } = dependant.resource;
  const cascaded = cascadeSql(root, dependant, keyCondition(root, 'r', keys));
  const { rows } = await query<{ parent: string }>(
    client,
    sql`select distinct parent from (${cascaded}) cascaded join ${raw(`${model.table} t on ${isSame(model, 't', 'cascaded')}`)}
     where ${keyCondition(model, 't', held)} order by 1`,
  );
  return rows.map(({ parent }) => parent);
}

function idColumns(model: ModelMeta): string[] {
  return model.idFields.map((name) => model.fields[name]?.column as string);
}

function isSame(model: ModelMeta, alias: string, cascaded: string): string {
  return idColumns(model)
    .map((id, index) => `${alias}.${id} = ${cascaded}.id${index}`)
    .join(' and ');
}

/**
 * Rows of a dependant's ids with `taker`, the record that it goes with, and the taker's ids: one
 * row for each taker.
 */
function cascadeSql(root: ModelMeta, dependant: Dependant, condition: Sql): Sql {
  const { model } = dependant.resource;
  const ids = idColumns(model).map((id, index) => `t.${id} as id${index}`);
  const parents = idColumns(root).map((id) => `r.${id}::text`);
  const columns = raw(
    `${ids.join(', ')}, ${keySql(root, 'r')} collate "C" as parent, array[${parents.join(', ')}] as parent_ids`,
  );
  const ways = pathsOf(root, dependant, 't').map(
    (path) => sql`select ${columns}
      from ${raw(`${model.table} t ${path}`)} where ${condition}`,
  );
  return join(ways, ' union ');
}

/** Joins from a dependant to the records that are deleted (`r`), one for each way there. */
function pathsOf(root: ModelMeta, { by }: Dependant, alias: string): string[] {
  return by.flatMap(({ key, of }) => {
    if (of === null) return [`join ${root.table} r on ${leads(key, alias, 'r')}`];
    const next = `${alias}t`;
    return pathsOf(root, of, next).map(
      (path) => `join ${of.resource.model.table} ${next} on ${leads(key, alias, next)} ${path}`,
    );
  });
}

function leads({ columns, targetColumns }: ForeignKey, from: string, to: string): string {
  return columns
    .map(
      (column, index) =>
        `${from}.${escapeIdentifier(column)} = ${to}.${escapeIdentifier(targetColumns[index] as string)}`,
    )
    .join(' and ');
}

/** Rows of `key` and `image` of the cascade of the records of a condition on `r`. */
function imagesSql(root: ModelMeta, dependant: Dependant, condition: Sql): Sql {
  const { model } = dependant.resource;
  const ids = raw(
    idColumns(model)
      .map((_, index) => `id${index}`)
      .join(', '),
  );
  const image = raw(
    `${lastImage(model, 't')} || jsonb_build_object('${withKey}', cascaded.parents)`,
  );
  return sql`select ${raw(keySql(model, 't'))} collate "C" as key, ${image} as image
    from (select ${ids}, jsonb_object_agg(parent, parent_ids) as parents from (${cascadeSql(root, dependant, condition)}) every group by ${ids}) cascaded
    join ${raw(`${model.table} t on ${isSame(model, 't', 'cascaded')}`)}`;
}

/** Keeps the images of the cascade of records, which are locked and about to be deleted. */
export async function keepCascade(
  client: Queryable,
  target: ApplyTarget,
  dependants: readonly Dependant[],
  keys: readonly string[],
): Promise<void> {
  const { model } = target.resource;
  for (const dependant of dependants) {
    const images = imagesSql(model, dependant, keyCondition(model, 'r', keys));
    await query(
      client,
      sql`${changeOf(target, dependant)} from (${images}) images having count(*) > 0`,
    );
  }
}

export interface CascadeImages {
  dependant: Dependant;
  keys: string[];
  /** Text: no number passes through JavaScript. */
  images: string[];
}

/**
 * Reads the images before the delete, for a delete of which it is not certain what it will remove;
 * `keepGoneAlong` keeps those that are then gone.
 */
export async function readCascade(
  client: Queryable,
  model: ModelMeta,
  dependants: readonly Dependant[],
  keys: readonly string[],
): Promise<CascadeImages[]> {
  const found: CascadeImages[] = [];
  for (const dependant of dependants) {
    const images = imagesSql(model, dependant, keyCondition(model, 'r', keys));
    const { rows } = await query<{ key: string; image: string }>(
      client,
      sql`select key, image::text as image from (${images}) images order by key`,
    );
    if (rows.length > 0)
      found.push({
        dependant,
        keys: rows.map(({ key }) => key),
        images: rows.map(({ image }) => image),
      });
  }
  return found;
}

/** Keeps the images of those that are gone. */
export async function keepGoneCascade(
  client: Queryable,
  target: Author,
  cascade: readonly CascadeImages[],
): Promise<void> {
  for (const { dependant, keys, images } of cascade) {
    const { model } = dependant.resource;
    const there = sql`select ${raw(`${keySql(model, 't')} collate "C" from ${model.table} t`)} where ${keyCondition(model, 't', keys)}`;
    await query(
      client,
      sql`${changeOf(target, dependant)} from (
         select key, image::jsonb as image from unnest(${keys}::text[], ${images}::text[]) as was(key, image)
         where key not in (${there})
       ) images having count(*) > 0`,
    );
  }
}

function changeOf(target: Author, { resource }: Dependant): Sql {
  return insertChange(
    { ...target, resource },
    {
      kind: journal.deleted,
      fields: raw(`'{}'`),
      keys: raw('array_agg(key order by key)'),
      firstKey: raw('min(key)'),
      before: raw('jsonb_agg(image order by key)'),
      cascadeOf: target.resource.model.name,
    },
  );
}
