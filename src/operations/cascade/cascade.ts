import { escapeIdentifier } from 'pg';
import type { Queryable } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { insertChange } from '../journal/journal-entry.ts';
import type { ApplyTarget, HoldersOf, Refusal } from '../contract.ts';
import type { Dependant } from './dependants.ts';
import type { ForeignKey } from './foreign-keys.ts';
import { journal } from '../journal-kind.ts';
import { lastImage } from '../journal/images.ts';
import { limits } from '../../limits.ts';

/** Where the image of a record that went along says with whom: their ids by key. No column of Prisma's has such a name. */
export const withKey = '*with';

export interface Taking {
  dependants: readonly Dependant[];
  holdersOf: HoldersOf;
}

/** What goes along with deleted records, and whether it is kept. */
export interface TakenAlong {
  dependants: readonly Dependant[];
  /** As `ChangeParts` has it. */
  keptAlong?: readonly string[] | null;
}

export function takenAlong(dependants: readonly Dependant[], isTooMany: boolean): TakenAlong {
  if (isTooMany) return { dependants: [], keptAlong: null };
  return { dependants, keptAlong: dependants.map(({ resource }) => resource.model.name) };
}

type Author = Pick<ApplyTarget, 'resource' | 't' | 'author'>;

export interface LockedAlong {
  /** Those whose dependants nobody else holds. */
  free: readonly string[];
  conflicts: readonly Refusal[];
  /** More go along than are kept. */
  isTooMany: boolean;
}

/**
 * Locks records and what would go along with them, level by level, so that from then on nobody adds to it, takes from it or
 * edits it; then asks who holds any of it. In statements of their own, since one that had to wait does not see what it waited for.
 */
export async function lockAlong(
  client: Queryable,
  model: ModelMeta,
  { dependants, holdersOf }: Taking,
  keys: readonly string[],
): Promise<LockedAlong> {
  if (keys.length === 0) return { free: keys, conflicts: [], isTooMany: false };
  const condition = keyCondition(model, 'r', keys, 1);
  await client.query(
    `select 1 from ${model.table} r where ${condition.sql} order by ${keySql(model, 'r')} collate "C" for update of r`,
    condition.values,
  );
  const conflicts = new Map<string, { keys: string[] }>();
  let room: number = limits.record.along;
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
        keys: [...(conflicts.get(message)?.keys ?? []), ...(await takersOf(client, model, dependant, keys, held))],
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

interface Condition {
  sql: string;
  values: unknown[];
}

async function lockRows(client: Queryable, root: ModelMeta, dependant: Dependant, condition: Condition, limit: number): Promise<string[]> {
  const { model } = dependant.resource;
  const ids = idColumns(model);
  const { rows } = await client.query<{ key: string }>(
    `select ${keySql(model, 't')} collate "C" as key from ${model.table} t
     where (${ids.map((id) => `t.${id}`).join(', ')}) in (select ${ids.map((_, index) => `id${index}`).join(', ')} from (${goingSql(root, dependant, condition.sql)}) going)
     order by 1 limit ${limit} for update of t`,
    condition.values,
  );
  return rows.map(({ key }) => key);
}

/** Records of `keys` that would take one of these along. */
async function takersOf(
  client: Queryable,
  root: ModelMeta,
  dependant: Dependant,
  keys: readonly string[],
  held: readonly string[],
): Promise<string[]> {
  const { model } = dependant.resource;
  const condition = keyCondition(root, 'r', keys, 1);
  const heldRows = keyCondition(model, 't', held, condition.values.length + 1);
  const { rows } = await client.query<{ taker: string }>(
    `select distinct taker from (${goingSql(root, dependant, condition.sql)}) going join ${model.table} t on ${isSame(model, 't', 'going')}
     where ${heldRows.sql} order by 1`,
    [...condition.values, ...heldRows.values],
  );
  return rows.map(({ taker }) => taker);
}

function idColumns(model: ModelMeta): string[] {
  return model.idFields.map((name) => model.fields[name]?.column as string);
}

function isSame(model: ModelMeta, alias: string, going: string): string {
  return idColumns(model)
    .map((id, index) => `${alias}.${id} = ${going}.id${index}`)
    .join(' and ');
}

/** Rows of the dependant's ids and of whom it goes with: `taker` and its ids, once for each. */
function goingSql(root: ModelMeta, dependant: Dependant, condition: string): string {
  const { model } = dependant.resource;
  const ids = idColumns(model).map((id, index) => `t.${id} as id${index}`);
  const takers = idColumns(root).map((id) => `r.${id}::text`);
  return pathsOf(root, dependant, 't')
    .map(
      (path) => `select ${ids.join(', ')}, ${keySql(root, 'r')} collate "C" as taker, array[${takers.join(', ')}] as taker_ids
      from ${model.table} t ${path} where ${condition}`,
    )
    .join(' union ');
}

/** Joins from a dependant to the records that are deleted (`r`), one for each way there. */
function pathsOf(root: ModelMeta, { by }: Dependant, alias: string): string[] {
  return by.flatMap(({ key, of }) => {
    if (of === null) return [`join ${root.table} r on ${leads(key, alias, 'r')}`];
    const next = `${alias}t`;
    return pathsOf(root, of, next).map((path) => `join ${of.resource.model.table} ${next} on ${leads(key, alias, next)} ${path}`);
  });
}

function leads({ columns, targetColumns }: ForeignKey, from: string, to: string): string {
  return columns
    .map((column, index) => `${from}.${escapeIdentifier(column)} = ${to}.${escapeIdentifier(targetColumns[index] as string)}`)
    .join(' and ');
}

/** Rows of `key` and `image` of what goes along with the records of a condition on `r`. */
function imagesSql(root: ModelMeta, dependant: Dependant, condition: string): string {
  const { model } = dependant.resource;
  const ids = idColumns(model).map((_, index) => `id${index}`);
  return `select ${keySql(model, 't')} collate "C" as key, ${lastImage(model, 't')} || jsonb_build_object('${withKey}', going.takers) as image
    from (select ${ids.join(', ')}, jsonb_object_agg(taker, taker_ids) as takers from (${goingSql(root, dependant, condition)}) every group by ${ids.join(', ')}) going
    join ${model.table} t on ${isSame(model, 't', 'going')}`;
}

/** Keeps the images of what goes along with records, which are locked and about to be deleted. */
export async function keepAlong(
  client: Queryable,
  target: ApplyTarget,
  dependants: readonly Dependant[],
  keys: readonly string[],
): Promise<void> {
  const { model } = target.resource;
  for (const dependant of dependants) {
    const condition = keyCondition(model, 'r', keys, 1);
    const values = [...condition.values];
    await client.query(
      `${changeOf(target, dependant, values)} from (${imagesSql(model, dependant, condition.sql)}) images having count(*) > 0`,
      values,
    );
  }
}

export interface ImagesAlong {
  dependant: Dependant;
  keys: string[];
  /** Text: no number passes through JavaScript. */
  images: string[];
}

/** The same in two steps, for whom it is not certain what will be deleted. */
export async function readAlong(
  client: Queryable,
  model: ModelMeta,
  dependants: readonly Dependant[],
  keys: readonly string[],
): Promise<ImagesAlong[]> {
  const found: ImagesAlong[] = [];
  for (const dependant of dependants) {
    const condition = keyCondition(model, 'r', keys, 1);
    const { rows } = await client.query<{ key: string; image: string }>(
      `select key, image::text as image from (${imagesSql(model, dependant, condition.sql)}) images order by key`,
      condition.values,
    );
    if (rows.length > 0) found.push({ dependant, keys: rows.map(({ key }) => key), images: rows.map(({ image }) => image) });
  }
  return found;
}

/** Keeps the images of those that are gone. */
export async function keepGoneAlong(client: Queryable, target: Author, found: readonly ImagesAlong[]): Promise<void> {
  for (const { dependant, keys, images } of found) {
    const { model } = dependant.resource;
    const there = keyCondition(model, 't', keys, 3);
    const values: unknown[] = [keys, images, ...there.values];
    await client.query(
      `${changeOf(target, dependant, values)} from (
         select key, image::jsonb as image from unnest($1::text[], $2::text[]) as was(key, image)
         where key not in (select ${keySql(model, 't')} collate "C" from ${model.table} t where ${there.sql})
       ) images having count(*) > 0`,
      values,
    );
  }
}

function changeOf(target: Author, { resource }: Dependant, values: unknown[]): string {
  return insertChange({ ...target, resource }, (value) => `$${values.push(value)}`, {
    kind: journal.deleted,
    fields: `'{}'`,
    keys: 'array_agg(key order by key)',
    firstKey: 'min(key)',
    before: 'jsonb_agg(image order by key)',
    alongWith: target.resource.model.name,
  });
}
