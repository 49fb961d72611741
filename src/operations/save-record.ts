import { DbNull, JsonNull } from '@prisma/client/runtime/client';
import type { AuditEntry } from '../audit/entry.ts';
import type { Principal } from '../auth/principal.ts';
import type { TableNames } from '../db/names.ts';
import { join, query, raw, shared, sql } from '../db/sql.ts';
import { beginningOf, type Queryable } from '../db/transaction.ts';
import { inTurn } from '../db/turns.ts';
import { AppError, notFound } from '../errors.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { plainJson } from '../fields/json.ts';
import { keyCondition } from '../metadata/key-sql.ts';
import { keyOf, parseKey, whereKey, whereKeys } from '../metadata/keys.ts';
import type { Client, Where } from '../resources/client.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { WriteCalls } from '../resources/write-calls.ts';
import { type RecordValuesRead, readRecord } from '../selection/record.ts';
import { hasResource, relatedTitles, relationTarget } from '../selection/related.ts';
import { buildWhere } from '../selection/where.ts';
import { within } from '../within.ts';
import {
  type DeletedCascade,
  deletedCascade,
  keepGoneCascade,
  lockCascade,
  readCascade,
} from './cascade/cascade.ts';
import { findCascade } from './cascade/dependants.ts';
import type { ApplyTarget, HoldersOf } from './contract.ts';
import { deletedByHook, runDelete } from './delete/put-away.ts';
import { lastImage } from './journal/images.ts';
import { insertChange } from './journal/journal-entry.ts';
import { keepDifference } from './journal/keep-difference.ts';
import { imageSql, readRows } from './journal/row-values.ts';
import { type JournalKind, journal } from './journal-kind.ts';
import { readConstraints } from './refusals/constraints.ts';
import { keptBackCode } from './refusals/kept-back.ts';
import { readSecrets, secretTexts, unseen } from './refusals/unseen.ts';
import { writeError } from './refusals/write-error.ts';
import { queryableOf, setWithin } from './rules/client-transaction.ts';
import { askHook, type Ruled, refused, ruleForm, saveForm } from './rules/form-hooks.ts';
import { assertNoRule } from './rules/rewrite-rules.ts';
import type { HookContext } from './rules/run-hooks.ts';
import { findRewriting } from './triggers.ts';

/** Longest a save takes, in milliseconds; what somebody else holds it waits for less. */
const saveTimeoutMs = 15_000;
const tookTooLong = `This took longer than the ${saveTimeoutMs / 1_000} seconds that it may, and was given up. Nothing was saved.`;

export interface SaveContext {
  registry: ResourceRegistry;
  t: TableNames;
  resource: Resource;
  principal: Principal;
  /** Its values are asked for however long they are; default: not. */
  isWhole?: boolean;
  /**
   * Throws when a task holds the record. Asked after the row is locked, on the same transaction.
   */
  assertFree(client: Queryable, key: string): Promise<void>;
  /** Writes the task that a delete is, on the same transaction, so that it can be undone. */
  keepAsTask(client: Queryable, key: string): Promise<{ taskId: number; chunk: number }>;
  /** Writes who did it, on the same transaction; of a task's own writes the task says it. */
  keepEntry(
    client: Queryable,
    entry: Pick<AuditEntry, 'act' | 'record' | 'details'>,
  ): Promise<void>;
  /** Who holds the cascade of a deleted record. */
  holdersOf: HoldersOf;
  /** A transaction that the save is a part of; default: it has one of its own. */
  within?: Client;
  /** The task that saves it; default: a form. */
  taskId?: number | null;
  /** What hooks may do with other records and tasks, in a transaction. */
  callsIn(tx: Client): WriteCalls;
  /** Told of what hooks throw. */
  log: HookContext['log'];
}

/** Typed values by field, as the field kinds parse them; ids as text for many-to-many. */
export type RecordValues = ReadonlyMap<ResourceField, unknown>;

/** Writes a new record and its change in one transaction. Returns the key. */
export function createRecord(context: SaveContext, values: RecordValues): Promise<string> {
  const { resource } = context;
  const { model } = resource;
  const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
  return save(
    context,
    null,
    () => values,
    async (client, sql) => {
      await assertNoRule(sql, model, [journal.created], { isSet: false });
      await assertReachable(context, client, values, null);
      const hooks = hookContext(context, client);
      const ruled = await ruleForm(hooks, null, values);
      const key = resource.hooks.save
        ? ((await saveForm(hooks, ruled, ownData(values, ruled))) as string)
        : keyOf(
            model,
            await writing(context, () =>
              delegateOf(client, model).create({
                data: withGiven(resource, dataOf(resource, values, null), ruled),
                select,
              }),
            ),
          );
      if (!resource.hooks.save) await writeExactJson(sql, resource, key, values, ruled);
      await assertStaysInScope(context, client, key);
      if (resource.hooks.afterSave) await afterSave(hooks, sql, ruled, key);
      const after = await imageOf(sql, resource, key, 'to_jsonb(t.*)', false);
      if (after === null) throw keptBackError(resource);
      await keepChange(sql, context, {
        kind: journal.created,
        key,
        fields: [...values.keys()].map(({ meta }) => meta.name),
        before: null,
        after,
      });
      const fields = [...values.keys()].map(({ meta }) => meta.name);
      await context.keepEntry(sql, { act: 'record-created', record: key, details: { fields } });
      return key;
    },
  );
}

/**
 * Writes fields of one record: locks the row, asks who holds it, lets `decide` look at the record
 * as it is now and say what to write, writes exactly that, keeps the change. Returns whether
 * anything was written.
 */
export function updateRecord(
  context: SaveContext,
  key: string,
  decide: (current: RecordValuesRead) => RecordValues,
): Promise<boolean> {
  const { resource, principal } = context;
  const { model } = resource;
  let typed: RecordValues = new Map();
  return save(
    context,
    key,
    () => typed,
    async (client, sql) => {
      await lockRecord(sql, resource, key);
      const current = await readRecord(context.registry, resource, principal, key, resource.form, {
        client,
        isWhole: context.isWhole ?? false,
      });
      await context.assertFree(sql, key);
      const values = decide(current);
      typed = values;
      if (values.size === 0) return false;
      const fields = [...values.keys()].map(({ meta }) => meta.name);
      await assertNoRule(sql, model, [journal.changed], { isSet: false, fields });
      await assertReachable(context, client, values, current);
      const links = [...values.keys()]
        .map(({ meta }) => meta)
        .filter(({ relation }) => relation?.kind === 'many-to-many');
      const [row] = await readRows(sql, model, [key], { keeps: 'image', links });
      if (!row) throw notFound();
      const hooks = hookContext(context, client);
      const ruled = await ruleForm(hooks, row.record, values);
      if (resource.hooks.save) await saveForm(hooks, ruled, ownData(values, ruled));
      else {
        await writing(context, () =>
          delegateOf(client, model).update({
            where: whereKey(model, key),
            data: withGiven(resource, dataOf(resource, values, current), ruled),
            select: Object.fromEntries(model.idFields.map((name) => [name, true])),
          }),
        );
        await writeExactJson(sql, resource, key, values, ruled);
      }
      await assertStaysInScope(context, client, key);
      if (resource.hooks.afterSave) await afterSave(hooks, sql, ruled, key);
      const [found] = await keepDifference(sql, changeTarget(context), [row], links);
      const isAsked = (name: string) =>
        name in ruled.given || [...values.keys()].some(({ meta }) => meta.name === name);
      const isKept = !found?.fields.some(isAsked);
      if (isKept && !resource.hooks.save && (await findRewriting(sql, model)).update)
        throw keptBackError(resource);
      await context.keepEntry(sql, {
        act: 'record-changed',
        record: key,
        details: { fields: found?.fields ?? [] },
      });
      return true;
    },
  );
}

/** Returns the id of the task that it is, whose undo brings the record back. */
export function deleteRecord(context: SaveContext, key: string): Promise<number> {
  const { resource } = context;
  return save(
    context,
    key,
    () => new Map(),
    async (client, sql) => {
      if (resource.hooks.delete) return putAway(context, client, sql, key);
      await assertNoRule(sql, resource.model, [journal.deleted], { isSet: false });
      await lockRecord(sql, resource, key);
      const before = (await imageOf(
        sql,
        resource,
        key,
        lastImage(resource.model, 't'),
        false,
      )) as string;
      await assertInScope(context, client, key);
      await context.assertFree(sql, key);
      const cascade = await lockedCascade(context, sql, key);
      const hooks = hookContext(context, client);
      const { beforeDelete, afterDelete } = resource.hooks;
      const [row] = beforeDelete || afterDelete ? await readRows(sql, resource.model, [key]) : [];
      const image = (await imageOf(
        sql,
        resource,
        key,
        imageSql(resource.model, 't', []),
        false,
      )) as string;
      if (row) await askHook(hooks, 'beforeDelete', { record: row.record });
      const taken = await readCascade(sql, resource.model, cascade.dependants, [key]);
      await writing(context, () =>
        delegateOf(client, resource.model).delete({
          where: whereKey(resource.model, key),
          select: Object.fromEntries(resource.model.idFields.map((name) => [name, true])),
        }),
      );
      if (row) await askHook(hooks, 'afterDelete', { record: row.record });
      const task = await context.keepAsTask(sql, key);
      await keepGoneCascade(sql, changeTarget(context, task), taken);
      // An extension may have made something else of it, such as a mark on a row that stays.
      if ((await imageOf(sql, resource, key, '1', false)) !== null) {
        const marked = await keepDifference(sql, changeTarget(context, task), [{ key, image }], []);
        if (marked.length === 0) throw keptBackError(resource);
      } else
        await keepChange(sql, context, {
          kind: journal.deleted,
          key,
          fields: [],
          before,
          after: null,
          cascadeKept: cascade.cascadeKept,
          task,
        });
      return task.taskId;
    },
    true,
  );
}

/** Lets the resource's own hook do it: what it writes to the record is a change, and is undone as one. */
async function putAway(
  context: SaveContext,
  client: Client,
  sql: Queryable,
  key: string,
): Promise<number> {
  const { resource } = context;
  await assertNoRule(sql, resource.model, [journal.changed], { isSet: false });
  await lockRecord(sql, resource, key);
  await assertInScope(context, client, key);
  await context.assertFree(sql, key);
  const [row] = await readRows(sql, resource.model, [key], { keeps: 'image' });
  if (!row) throw notFound();
  const objection = await runDelete(hookContext(context, client), row.record);
  const isThere = (await imageOf(sql, resource, key, '1', false)) !== null;
  if (objection || !isThere) throw refused(resource, objection ?? deletedByHook);
  const task = await context.keepAsTask(sql, key);
  await keepDifference(sql, changeTarget(context, task), [row], []);
  return task.taskId;
}

/** A record that is there and cannot be locked is kept from being written by a policy. */
async function lockRecord(sql: Queryable, resource: Resource, key: string): Promise<void> {
  if ((await imageOf(sql, resource, key, '1', true)) !== null) return;
  throw (await imageOf(sql, resource, key, '1', false)) === null
    ? notFound()
    : keptBackError(resource);
}

/**
 * The record itself is locked: where the client finds nothing to write, the database did not let it
 * through.
 */
async function writing<T>({ resource }: SaveContext, write: () => Promise<T>): Promise<T> {
  try {
    const written = await write();
    if (written === null) throw keptBackError(resource);
    return written;
  } catch (error) {
    if (isNothingWritten(error)) throw keptBackError(resource);
    throw error;
  }
}

function isNothingWritten(error: unknown): boolean {
  const { code, meta } = error as { code?: unknown; meta?: { relation?: unknown } };
  return code === 'P2025' && meta?.relation === undefined;
}

function keptBackError({ singular }: Resource): AppError {
  const message = `The database (a trigger, a policy) kept this back without saying why: the ${singular.toLowerCase()} stands as it was. Nothing was saved.`;
  return new AppError(keptBackCode, 422, message, { fieldErrors: {} });
}

/**
 * The cascade is kept, for the history of each; a record is refused while a task holds any of it.
 */
async function lockedCascade(
  { registry, resource, holdersOf }: SaveContext,
  sql: Queryable,
  key: string,
): Promise<DeletedCascade> {
  const found = await findCascade(sql, registry, resource.model);
  if (!found.isKept) return { dependants: [], cascadeKept: null };
  const { conflicts, isTooMany } = await lockCascade(sql, resource.model, { ...found, holdersOf }, [
    key,
  ]);
  if (conflicts.length > 0)
    throw new AppError('held-along', 409, conflicts.map(({ message }) => message).join(' '));
  return deletedCascade(found.dependants, isTooMany);
}

function hookContext(
  { resource, principal, log, taskId = null, callsIn }: SaveContext,
  tx: Client,
): HookContext {
  return { resource, principal, taskId, tx, calls: callsIn(tx), log };
}

/** Values as `save` of the resource's own is given them. */
function ownData(values: RecordValues, { draft, given }: Ruled): Record<string, unknown> {
  const chosen = [...values].map(([{ meta }, value]) => [
    meta.name,
    meta.column ? draft.record[meta.name] : value,
  ]);
  return { ...Object.fromEntries(chosen), ...given };
}

function withGiven(
  { model }: Resource,
  data: Record<string, unknown>,
  { given }: Ruled,
): Record<string, unknown> {
  const set = Object.entries(given).map(([name, value]) => [
    name,
    value === null && model.fields[name]?.type === 'Json' ? DbNull : value,
  ]);
  return { ...data, ...Object.fromEntries(set) };
}

async function afterSave(
  hooks: HookContext,
  sql: Queryable,
  { draft }: Ruled,
  key: string,
): Promise<void> {
  const { model } = hooks.resource;
  const [written] = await readRows(sql, model, [key]);
  const { kind, before, fields } = draft;
  if (written) await askHook(hooks, 'afterSave', { kind, before, fields, record: written.record });
}

/** `typed`: what was to be written, for telling what went wrong without it. */
async function save<T>(
  { registry, resource, log, within: around }: SaveContext,
  key: string | null,
  typed: () => RecordValues,
  work: (client: Client, sql: Queryable) => Promise<T>,
  isDelete = false,
): Promise<T> {
  try {
    if (around) return await work(around, queryableOf(around));
    return await inTurn(registry.pool, (lockMs) =>
      registry.client.$transaction(
        async (client) => {
          const sql = queryableOf(client);
          await setWithin(sql, {
            ...beginningOf(registry.pool),
            lock_timeout: lockMs,
            statement_timeout: saveTimeoutMs,
          });
          return within(work(client, sql), saveTimeoutMs, () => {
            log('error', 'a save took too long, and was given up', { resource: resource.slug });
            return new AppError('busy', 503, tookTooLong);
          });
        },
        { isolationLevel: 'ReadCommitted', timeout: saveTimeoutMs, maxWait: saveTimeoutMs },
      ),
    );
  } catch (error) {
    const values = [...typed()].map(([{ meta }, value]) => [meta, value] as const);
    const isOwn = error instanceof AppError || key === null || resource.secrets.length === 0;
    const stored = isOwn ? [] : await readSecrets(registry.pool, resource, key).catch(() => null);
    const secrets = [...secretTexts(resource, values), ...(stored ?? [])];
    const unsaid = (message: string) => unseen(message, resource, secrets);
    const constraints = () => readConstraints(registry.pool, resource.model);
    throw (await writeError(error, { resource, isDelete, constraints, unsaid })) ?? error;
  }
}

/** What was just written may have moved the record out of the writer's own scope. */
async function assertStaysInScope(
  context: SaveContext,
  client: Client,
  key: string,
): Promise<void> {
  if (await isInScope(context, client, key)) return;
  const { singular } = context.resource;
  const message = `With these values the ${singular.toLowerCase()} would not be yours to see. Nothing was saved.`;
  throw new AppError('outside-scope', 422, message, { fieldErrors: {} });
}

async function assertInScope(context: SaveContext, client: Client, key: string): Promise<void> {
  if (!(await isInScope(context, client, key))) throw notFound();
}

async function isInScope(
  { resource, principal }: SaveContext,
  client: Client,
  key: string,
): Promise<boolean> {
  if (resource.scope(principal) === null) return true;
  const where: Where = {
    AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, [key])],
  };
  return (await delegateOf(client, resource.model).count({ where })) > 0;
}

/** An image is text all the way, so that no number passes through JavaScript. */
async function imageOf(
  client: Queryable,
  { model }: Resource,
  key: string,
  image: string,
  isLocking: boolean,
): Promise<string | null> {
  const found = raw(`(${image})::text as image from ${model.table} t`);
  const locking = raw(isLocking ? ' for update of t' : '');
  const { rows } = await query<{ image: string }>(
    client,
    sql`select ${found} where ${keyCondition(model, 't', [key])}${locking}`,
  );
  return rows[0]?.image ?? null;
}

interface Kept {
  kind: JournalKind;
  key: string;
  fields: readonly string[];
  before: string | null;
  after: string | null;
  cascadeKept?: readonly string[] | null | undefined;
  task?: FormTask;
}

type FormTask = Pick<ApplyTarget['author'], 'taskId' | 'chunk'>;

/** A form is no task but where it deletes, and gives no reason. */
function changeTarget(
  { t, resource, principal, taskId: ofRun = null }: SaveContext,
  { taskId, chunk }: FormTask = { taskId: ofRun, chunk: null },
): Pick<ApplyTarget, 'resource' | 't' | 'author'> {
  const author = {
    taskId,
    chunk,
    principalId: principal.id,
    principalName: principal.name,
    changeReason: null,
  };
  return { resource, t, author };
}

async function keepChange(
  client: Queryable,
  context: SaveContext,
  { kind, key, fields, before, after, cascadeKept, task }: Kept,
): Promise<void> {
  const image = (text: string | null) =>
    text === null ? raw('null') : sql`jsonb_build_array(${text}::jsonb)`;
  const firstKey = shared(sql`${key}::text`);
  const change = insertChange(changeTarget(context, task), {
    kind,
    fields: sql`array(select jsonb_array_elements_text(${JSON.stringify(fields)}::jsonb))`,
    keys: sql`array[${firstKey}]`,
    firstKey,
    before: image(before),
    after: image(after),
    cascadeKept,
  });
  await query(client, change);
}

/**
 * Relations may only be led to what the principal may see; what is not there and what is not theirs
 * are the same.
 */
async function assertReachable(
  { registry, resource, principal }: SaveContext,
  client: Client,
  values: RecordValues,
  current: RecordValuesRead | null,
): Promise<void> {
  const fieldErrors: Record<string, string> = {};
  for (const [field, value] of values) {
    if (!field.relation) continue;
    const chosen =
      field.relation.kind === 'to-one'
        ? [value].filter((id) => id !== null).map(String)
        : linksOf(field, value, current).added;
    if (chosen.length === 0) continue;
    const target = relationTarget(resource, field);
    if (!target && !hasResource(registry, field)) continue;
    const seen = target
      ? await relatedTitles(registry, target, principal, chosen, client)
      : new Map<string, string>();
    if (chosen.some((id) => !seen.has(id)))
      fieldErrors[field.name] = `${field.label} leads to a record that does not exist.`;
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError('invalid-record', 422, 'Some values need attention. Nothing was saved.', {
      fieldErrors,
    });
  }
}

/**
 * Links that are to come and to go; those to records that the principal may not see are neither.
 */
function linksOf(
  field: ResourceField,
  value: unknown,
  current: RecordValuesRead | null,
): { added: string[]; removed: string[] } {
  const wanted = value as readonly string[];
  const linked = ((current?.values[field.name] ?? []) as readonly { id: string }[]).map(
    ({ id }) => id,
  );
  return {
    added: wanted.filter((id) => !linked.includes(id)),
    removed: linked.filter((id) => !wanted.includes(id)),
  };
}

function dataOf(
  resource: Resource,
  values: RecordValues,
  current: RecordValuesRead | null,
): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const [field, value] of values) {
    const related =
      field.relation?.kind === 'many-to-many'
        ? resource.metadata.models[field.relation.model]
        : undefined;
    if (related) {
      const { added, removed } = linksOf(field, value, current);
      const where = (ids: readonly string[]) =>
        ids.map((id) => whereKey(related, parseKey(related, id)));
      data[field.name] = {
        ...(added.length > 0 ? { connect: where(added) } : {}),
        ...(removed.length > 0 ? { disconnect: where(removed) } : {}),
      };
    } else if (isJson(field))
      data[field.meta.name] = value === null ? DbNull : (plainJson(value) ?? JsonNull);
    else data[field.meta.name] = value;
  }
  return data;
}

const isJson = ({ meta }: ResourceField) => meta.type === 'Json' && !meta.isList;

// Prisma writes JSON through JavaScript's numbers, so its exact text follows.
async function writeExactJson(
  client: Queryable,
  resource: Resource,
  key: string,
  values: RecordValues,
  { given }: Ruled,
): Promise<void> {
  const written = [...values].filter(
    ([field, value]) => isJson(field) && value !== null && !(field.meta.name in given),
  );
  if (written.length === 0) return;
  const { model } = resource;
  const assignments = written.map(
    ([field, value]) =>
      sql`${raw(`${field.meta.column}`)} = ${getFieldKind(field).toSql(value, field)}::text::${raw(`${field.meta.sqlType}`)}`,
  );
  await query(
    client,
    sql`update ${raw(model.table)} t set ${join(assignments)} where ${keyCondition(model, 't', [key])}`,
  );
}
