import { DbNull } from '@prisma/client/runtime/client';
import type { Principal } from '../auth/principal.ts';
import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import { notFound } from '../errors.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { keyOf, parseKey, whereKey, whereKeys } from '../metadata/keys.ts';
import type { Client, Register, Resource, ResourceField, Where } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { buildWhere } from '../selection/where.ts';
import { keyCondition } from './key-sql.ts';
import { writeError } from './write-error.ts';

/** Longest a save waits for the row and the database, in milliseconds. */
const saveTimeoutMs = 15_000;

export interface SaveContext {
  register: Register;
  t: TableNames;
  resource: Resource;
  principal: Principal;
  /** Throws when a task holds the record. Asked after the row is locked, on the same transaction. */
  assertFree(client: Queryable, key: string): Promise<void>;
}

/** Typed values by ResourceField.name, as the field kinds parse them; ids as text for many-to-many. */
export type RecordValues = ReadonlyMap<ResourceField, unknown>;

/** Writes a new record and its change in one transaction. Returns the key. */
export function createRecord(context: SaveContext, values: RecordValues): Promise<string> {
  const { resource } = context;
  const { model } = resource;
  return save(context, async (client, sql) => {
    const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
    const created = await delegateOf(client, model).create({ data: dataOf(resource, values, 'connect'), select });
    const key = keyOf(model, created);
    await assertInScope(context, client, key);
    const after = await imageOf(sql, resource, key, 'to_jsonb(t.*)', false);
    await keepChange(sql, context, { kind: 'create', key, fields: [...values.keys()].map(({ meta }) => meta.name), before: null, after });
    return key;
  });
}

/** Writes exactly these fields of one record: locks the row, asks who holds it, writes, keeps the change. */
export function updateRecord(context: SaveContext, key: string, values: RecordValues): Promise<void> {
  const { resource } = context;
  const { model } = resource;
  return save(context, async (client, sql) => {
    const stamps = Object.values(model.fields).filter((field) => field.isUpdatedAt && field.column);
    const written = [...new Set([...[...values.keys()].map(({ meta }) => meta), ...stamps])];
    const columns = `jsonb_build_object(${written.map((field) => `'${field.name}', ${columnImage(resource, field)}`).join(', ')})`;
    const before = await imageOf(sql, resource, key, columns, true);
    if (before === null) throw notFound();
    await assertInScope(context, client, key);
    await context.assertFree(sql, key);
    await delegateOf(client, model).update({
      where: whereKey(model, key),
      data: dataOf(resource, values, 'set'),
      select: Object.fromEntries(model.idFields.map((name) => [name, true])),
    });
    await assertInScope(context, client, key);
    const after = await imageOf(sql, resource, key, columns, false);
    await keepChange(sql, context, { kind: 'update', key, fields: written.map(({ name }) => name), before, after });
  });
}

export function deleteRecord(context: SaveContext, key: string): Promise<void> {
  const { resource } = context;
  return save(context, async (client, sql) => {
    const before = await imageOf(sql, resource, key, 'to_jsonb(t.*)', true);
    if (before === null) throw notFound();
    await assertInScope(context, client, key);
    await context.assertFree(sql, key);
    await delegateOf(client, resource.model).delete({
      where: whereKey(resource.model, key),
      select: Object.fromEntries(resource.model.idFields.map((name) => [name, true])),
    });
    await keepChange(sql, context, { kind: 'delete', key, fields: [], before, after: null });
  });
}

async function save<T>({ register, resource }: SaveContext, work: (client: Client, sql: Queryable) => Promise<T>): Promise<T> {
  try {
    return await register.client.$transaction((client) => work(client, queryableOf(client)), {
      isolationLevel: 'ReadCommitted',
      timeout: saveTimeoutMs,
    });
  } catch (error) {
    throw writeError(error, resource) ?? error;
  }
}

/** Raw statements inside the client's own transaction. */
function queryableOf(client: Client): Queryable {
  const query = async (sql: string, values: unknown[] = []) => {
    const rows = await client.$queryRawUnsafe<Record<string, unknown>[]>(sql, ...values);
    return { rows, rowCount: rows.length, command: '', oid: 0, fields: [] };
  };
  return { query: query as Queryable['query'] };
}

// The scope may depend on what was just written, so it is asked on both sides of the write.
async function assertInScope({ resource, principal }: SaveContext, client: Client, key: string): Promise<void> {
  if (resource.scope(principal) === null) return;
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, [key])] };
  if ((await delegateOf(client, resource.model).count({ where })) === 0) throw notFound();
}

/** An image is text all the way, so that no number passes through JavaScript. */
async function imageOf(sql: Queryable, { model }: Resource, key: string, image: string, isLocking: boolean): Promise<string | null> {
  const columns = keyCondition(model, 't', [key], 1);
  const { rows } = await sql.query<{ image: string }>(
    `select (${image})::text as image from ${model.table} t where ${columns.sql}${isLocking ? ' for update of t' : ''}`,
    columns.values,
  );
  return rows[0]?.image ?? null;
}

function columnImage({ model, metadata }: Resource, field: FieldMeta): string {
  if (field.relation?.kind !== 'many-to-many') return `t.${field.column}`;
  const { joinTable, ownColumn, otherColumn } = field.relation;
  const id = model.fields[model.idFields[0] as string]?.column;
  if (!metadata.models[field.relation.model]) throw new Error(`${model.name}.${field.name} leads to a model that is not known`);
  return `to_jsonb(array(select j.${otherColumn}::text from ${joinTable} j where j.${ownColumn} = t.${id} order by 1))`;
}

interface Kept {
  kind: 'create' | 'update' | 'delete';
  key: string;
  fields: readonly string[];
  before: string | null;
  after: string | null;
}

async function keepChange(sql: Queryable, { t, resource, principal }: SaveContext, change: Kept): Promise<void> {
  const { kind, key, fields, before, after } = change;
  await sql.query(
    `insert into ${t.change} (model, resource, kind, principal_id, principal_name, fields, keys, first_key, before, after)
     values ($1, $2, $3, $4, $5, array(select jsonb_array_elements_text($6::jsonb)), array[$7::text], $7::text,
       case when $8::text is null then null else jsonb_build_array($8::text::jsonb) end,
       case when $9::text is null then null else jsonb_build_array($9::text::jsonb) end)`,
    [resource.model.name, resource.slug, kind, principal.id, principal.name, JSON.stringify(fields), key, before, after],
  );
}

function dataOf(resource: Resource, values: RecordValues, link: 'connect' | 'set'): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const [field, value] of values) {
    const related = field.relation?.kind === 'many-to-many' ? resource.metadata.models[field.relation.model] : undefined;
    if (related) data[field.name] = { [link]: (value as readonly string[]).map((id) => whereKey(related, parseKey(related, id))) };
    else data[field.meta.name] = value === null && field.meta.type === 'Json' ? DbNull : value;
  }
  return data;
}
