import { query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Metadata, ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { fieldOf, joinOf } from '../../metadata/model-fields.ts';
import { withKey } from '../cascade/cascade.ts';
import type { Alteration, ApplyTarget, Watch } from '../contract.ts';
import { imaged, linkedIds, linksKey, linksOf, wholeRow } from '../journal/images.ts';
import { entriesOf } from '../journal/kept-images.ts';
import { jsonToTheLetter } from '../journal/stored.ts';
import { journal } from '../journal-kind.ts';
import { hasTriggers } from '../triggers.ts';
import type { UndoParameters } from './undo-parameters.ts';

/**
 * Compares records with what they were before, once they are put back; null where no trigger could
 * have altered them.
 */
export async function watchUndo(
  client: Queryable,
  { model, metadata }: { model: ModelMeta; metadata: Metadata },
  { shapes, along: cascade = [] }: UndoParameters,
): Promise<Watch<UndoParameters> | null> {
  const models = [
    model,
    ...cascade.filter(({ isThere }) => isThere).map((one) => modelOf(metadata, one.model)),
  ];
  const links = models.flatMap(linksOf).map((field) => joinOf(field).joinTable);
  if (shapes.every(({ kind }) => kind === journal.created)) return null;
  if (!(await hasTriggers(client, [...models.map(({ table }) => table), ...links]))) return null;
  const isUpdate = shapes.some(({ kind }) => kind === journal.changed);
  return async (client, target, keys, params) => {
    const digests = isUpdate ? await readDigests(client, model, keys) : new Map<string, Digests>();
    return async () => {
      // Triggers that wait for the end of the transaction have their say first.
      await client.query('set constraints all immediate');
      const found: Alteration[] = [];
      for (const written of await readWritten(client, target)) {
        const of = modelOf(metadata, written.model);
        found.push(...(await findAltered(client, target, of, written, params.taskId)));
        if (written.kind === journal.changed)
          found.push(...besides(of, written, digests, await readDigests(client, of, written.keys)));
      }
      return found;
    };
  };
}

/** Records that the chunk at hand has put back in one way. */
interface PutBack {
  model: string;
  kind: 'create' | 'update';
  fields: readonly string[];
  isCascaded: boolean;
  keys: string[];
}

async function readWritten(client: Queryable, { t, author }: ApplyTarget): Promise<PutBack[]> {
  const { rows } = await client.query<PutBack>(
    `select model, kind, fields, along_with is not null as "isCascaded", array_agg(key order by key) as keys
     from ${t.change} cross join unnest(keys) key where task_id = $1 and chunk = $2 and kind in ('create', 'update')
     group by model, kind, fields, along_with is not null`,
    [author.taskId, author.chunk],
  );
  return rows;
}

/** By field, those of the records that do not hold what was there before the task. */
async function findAltered(
  client: Queryable,
  { t, author }: ApplyTarget,
  model: ModelMeta,
  { kind, fields, isCascaded, keys }: PutBack,
  followsId: number,
): Promise<Alteration[]> {
  const ofChunk = sql`task_id = ${author.taskId}::int and chunk = ${author.chunk}`;
  // What came back along is kept as it was to be written; of the records themselves as it was read
  // back.
  const before = isCascaded
    ? sql`${ofChunk} and along_with is not null`
    : sql`task_id = ${followsId}::int and along_with is null`;
  const given = shared(sql`${keys}::text[]`);
  const entries = sql`${raw(t.change)} change ${entriesOf('change', null, given)}`;
  const imagesOf = (chosen: Sql) => sql`select entry.key, entry.before, entry.after from ${entries}
    where ${chosen} and model = ${model.name} and change.keys && ${given}`;
  const sides =
    kind === journal.changed
      ? sidesOfUpdate(model, fields)
      : sidesOfRow(model, isCascaded ? 'after' : 'before');
  const isAltered = raw(
    `${jsonToTheLetter('side.now')} is distinct from ${jsonToTheLetter('side.was')}`,
  );
  const { rows } = await query<{ name: string; keys: string[] }>(
    client,
    sql`with image as materialized (${imagesOf(ofChunk)}), was as materialized (${imagesOf(before)}),
       present as (select t.*, ${raw(keySql(model, 't'))} collate "C" as "_key" from ${raw(model.table)} t where ${keyCondition(model, 't', keys)})
     select side.name, array_agg(t."_key" order by t."_key") as keys
     from present t join was on was.key = t."_key" join image on image.key = t."_key" cross join lateral (${raw(sides)}) side (name, now, was, is_asked)
     where side.is_asked and ${isAltered} group by side.name order by side.name`,
  );
  const nameOf = (column: string) =>
    Object.values(model.fields).find(({ dbColumn }) => dbColumn === column)?.name ?? column;
  return rows.map(({ name, keys: altered }) => ({
    model: model.name,
    field: kind === journal.changed ? name : nameOf(name),
    isBeside: false,
    keys: altered,
  }));
}

/** A stamp that somebody else had moved since has moved on, as it should. */
function sidesOfUpdate(model: ModelMeta, fields: readonly string[]): string {
  const sides = fields
    .map((name) => fieldOf(model, name))
    .map((field) => {
      const now = field.column
        ? asImage(imaged(field, `t.${field.column}`))
        : `to_jsonb(${linkedIds(model, field, 't')})`;
      const isAsked = field.isUpdatedAt
        ? `image.before -> '${field.name}' is not distinct from was.after -> '${field.name}'`
        : 'true';
      return `('${field.name}', ${now}, was.before -> '${field.name}', ${isAsked})`;
    });
  return `values ${sides.join(', ')}`;
}

/** Every column that the image knows and that is still there, and the links. */
function sidesOfRow(model: ModelMeta, side: 'before' | 'after'): string {
  const image = `was.${side}`;
  const links = linksOf(model).map(
    (field) =>
      `union all select '${field.name}', to_jsonb(${linkedIds(model, field, 't')}), coalesce(${image} -> '${linksKey}' -> '${field.name}', '[]'), true`,
  );
  return `select value.key, row_now.image -> value.key, value.value, jsonb_exists(row_now.image, value.key)
    from (select ${wholeRow(model, 't')} as image) row_now cross join jsonb_each(${image} - '${linksKey}' - '${withKey}') value ${links.join(' ')}`;
}

/** By column, a digest of what a record holds. */
type Digests = Readonly<Record<string, string>>;

async function readDigests(
  client: Queryable,
  model: ModelMeta,
  keys: readonly string[],
): Promise<Map<string, Digests>> {
  const { rows } = await query<{ key: string; digests: Digests }>(
    client,
    sql`select ${raw(keySql(model, 't'))} collate "C" as key, (select jsonb_object_agg(value.key, md5(value.value::text)) from jsonb_each(${raw(wholeRow(model, 't'))}) value) as digests
     from ${raw(model.table)} t where ${keyCondition(model, 't', keys)}`,
  );
  return new Map(rows.map(({ key, digests }) => [key, digests]));
}

/** Columns that were written though they were not among what was put back. */
function besides(
  model: ModelMeta,
  { fields, keys }: PutBack,
  before: ReadonlyMap<string, Digests>,
  after: ReadonlyMap<string, Digests>,
): Alteration[] {
  const found = new Map<string, string[]>();
  const nameOf = new Map(Object.values(model.fields).map(({ dbColumn, name }) => [dbColumn, name]));
  for (const key of keys) {
    const [was = {}, is = {}] = [before.get(key), after.get(key)];
    for (const column of Object.keys(is).filter((name) => was[name] !== is[name])) {
      const field = nameOf.get(column) ?? column;
      if (!fields.includes(field)) found.set(field, [...(found.get(field) ?? []), key]);
    }
  }
  return [...found]
    .sort()
    .map(([field, altered]) => ({ model: model.name, field, isBeside: true, keys: altered }));
}

function asImage(sql: string): string {
  return `coalesce(to_jsonb(${sql}), 'null')`;
}

function modelOf(metadata: Metadata, name: string): ModelMeta {
  const found = metadata.models[name];
  if (!found) throw new Error(`there is no model ${name}`);
  return found;
}
