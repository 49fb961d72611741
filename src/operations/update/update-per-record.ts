import type { Queryable } from '../../db/transaction.ts';
import { plainColumnValue } from '../../fields/column-value.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import type { ApplyCounts, ApplyTarget, Through } from '../contract.ts';
import type { FieldEdit } from '../field-edit.ts';
import { keepDifference } from '../journal/keep-difference.ts';
import { type Row, readRows } from '../journal/row-values.ts';
import { refuseKeptBack, without } from '../refusals/kept-back.ts';
import { callEach, Objections } from '../rules/objections.ts';
import { isLink, keyOfPassing, keysOf, type Passing } from '../rules/passing.ts';
import {
  chunkContext,
  type Draft,
  type HookContext,
  isObjection,
  runBeforeSave,
  runHook,
  runOwnSave,
  validateDraft,
} from '../rules/run-hooks.ts';
import { compareStatement, differingStatement, updateStatement } from './update-sql.ts';
import { writeGiven } from './write-given.ts';
import { writeSet } from './write-set.ts';
import { writeThroughClient } from './write-through-client.ts';

/**
 * Changes records of a resource that has rules of its own, or that is written through the project's
 * client. The set is read and locked at once, PostgreSQL itself says what the edits make of it, the
 * rules look at one record after the other, and what is left is written at once where one statement
 * can say it.
 */
export async function updatePerRecord(
  sql: Queryable,
  target: ApplyTarget,
  through: Through,
  keys: readonly string[],
  edits: readonly FieldEdit[],
): Promise<ApplyCounts> {
  const { resource } = target;
  const { model, hooks } = resource;
  const context = chunkContext(target, through);
  const links = edits.map(({ field }) => fieldOf(model, field)).filter(isLink);
  // Where one statement writes what was chosen, it keeps the images too.
  const isPlain = resource.writeThrough === 'sql' && !hooks.save && !hooks.beforeSave;
  const rows = await readRows(sql, model, keys, isPlain ? {} : { keeps: 'image', links });
  const rest = await whyUnlocked(sql, target, keys, rows, edits);
  const differing = await compare(sql, target, rows, edits);
  const objections = new Objections();
  const passing: Passing[] = [];
  for (const item of differing) {
    const objection = await validateDraft(context, item.draft);
    if (objection) objections.add(item.row.key, objection);
    else passing.push(item);
  }
  const refusals = objections.list();
  if (target.isTrial) {
    await writePlain(sql, target, passing, edits);
    return {
      ...rest,
      changed: passing.length,
      unchanged: rest.unchanged + rows.length - differing.length,
      refusals,
    };
  }
  await callEach(passing, keyOfPassing, async (item) => {
    const given = await runBeforeSave(context, item.draft);
    if (isObjection(given)) return given;
    item.given = given as Record<string, unknown>;
    return null;
  });
  if (passing.length > 0) await write(sql, target, context, passing, edits, links);
  if (hooks.afterSave && passing.length > 0) {
    const now = await readRows(sql, model, keysOf(passing));
    const written = new Map(now.map((row) => [row.key, row.record]));
    await callEach(passing, keyOfPassing, ({ row, draft }) =>
      runHook(context, 'afterSave', {
        kind: draft.kind,
        before: draft.before,
        fields: draft.fields,
        record: written.get(row.key),
      }),
    );
  }
  return {
    ...rest,
    changed: passing.length,
    unchanged: rest.unchanged + rows.length - differing.length,
    refusals,
  };
}

/**
 * Records that could not be locked: no longer there, or there under a policy, where those that hold
 * the values already are left alone.
 */
async function whyUnlocked(
  sql: Queryable,
  { resource }: ApplyTarget,
  keys: readonly string[],
  rows: readonly Row[],
  edits: readonly FieldEdit[],
): Promise<{ unchanged: number; gone: number }> {
  if (rows.length === keys.length) return { unchanged: 0, gone: 0 };
  const unlocked = without(
    keys,
    rows.map(({ key }) => key),
  );
  const statement = differingStatement(resource, unlocked, edits);
  const { rows: there } = await sql.query<{ key: string; isChanged: boolean }>(
    statement.text,
    statement.values,
  );
  refuseKeptBack(there.filter(({ isChanged }) => isChanged).map(({ key }) => key));
  return { unchanged: there.length, gone: unlocked.length - there.length };
}

async function writePlain(
  sql: Queryable,
  target: ApplyTarget,
  items: readonly Passing[],
  edits: readonly FieldEdit[],
): Promise<void> {
  if (items.length === 0) return;
  const { left, putBack } = await writeSet(sql, target, keysOf(items), edits, {
    countsSame: false,
  });
  refuseKeptBack([...left, ...putBack]);
}

/**
 * Keeps what was written; a record of which nothing of what was asked for is different now was kept
 * back.
 */
async function keepWritten(
  sql: Queryable,
  target: ApplyTarget,
  items: readonly Passing[],
  links: readonly FieldMeta[],
  isAsked: (item: Passing, field: string) => boolean,
): Promise<void> {
  const found = await keepDifference(
    sql,
    target,
    items.map(({ row }) => row),
    links,
  );
  const fieldsOf = new Map(found.map(({ key, fields }) => [key, fields]));
  refuseKeptBack(
    keysOf(
      items.filter((item) => !fieldsOf.get(item.row.key)?.some((field) => isAsked(item, field))),
    ),
  );
}

/** What the edits would make of the rows; without those that hold it already. */
async function compare(
  sql: Queryable,
  { resource }: ApplyTarget,
  rows: readonly Row[],
  edits: readonly FieldEdit[],
): Promise<Passing[]> {
  if (rows.length === 0) return [];
  const { model } = resource;
  const statement = compareStatement(
    resource,
    rows.map(({ key }) => key),
    edits,
  );
  const compared = await sql.query<{
    key: string;
    isChanged: boolean;
    before: (string | null)[];
    after: (string | null)[];
  }>(statement.text, statement.values);
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return compared.rows.flatMap(({ key, isChanged, before, after }) => {
    const row = byKey.get(key);
    if (!row || !isChanged) return [];
    const record = { ...row.record };
    const links = new Map<string, { before: string[]; after: string[] }>();
    for (const [index, { field: name }] of edits.entries()) {
      const field = fieldOf(model, name);
      const [was, is] = [before[index] ?? null, after[index] ?? null];
      if (isLink(field)) links.set(name, { before: idsOf(was), after: idsOf(is) });
      else record[name] = plainColumnValue(field, is);
    }
    const draft: Draft = {
      kind: 'update',
      before: row.record,
      record,
      fields: edits.map(({ field }) => field),
    };
    return { row, draft, links, given: {} };
  });
}

function idsOf(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[]);
}

async function write(
  sql: Queryable,
  target: ApplyTarget,
  context: HookContext,
  passing: readonly Passing[],
  edits: readonly FieldEdit[],
  links: readonly FieldMeta[],
): Promise<void> {
  const { model } = context.resource;
  const chosen = new Set(edits.map(({ field }) => field));
  const isAsked = ({ given }: Passing, field: string) => chosen.has(field) || field in given;
  if (context.resource.hooks.save) {
    await callEach(passing, keyOfPassing, async (item) => {
      const done = await runOwnSave(context, item.draft, ownData(item, edits));
      return isObjection(done) ? done : null;
    });
    // A save of the project's own may have written something else for it.
    return keepWritten(
      sql,
      target,
      passing,
      links,
      (_item, field) => !model.fields[field]?.isUpdatedAt,
    );
  }
  if (context.resource.writeThrough === 'client') {
    await writeThroughClient(context, passing, edits);
    return keepWritten(sql, target, passing, links, isAsked);
  }
  const plain = passing.filter(({ given }) => Object.keys(given).length === 0);
  const setting = passing.filter(({ given }) => Object.keys(given).length > 0);
  await writePlain(sql, target, plain, edits);
  if (setting.length > 0) {
    const statement = updateStatement(target, keysOf(setting), edits, { keepsChange: false });
    await sql.query(statement.text, statement.values);
    await writeGiven(sql, target, setting);
    await keepWritten(sql, target, setting, links, isAsked);
  }
}

/**
 * What a `save` of the resource's own is given: values by column, ids as text by many-to-many
 * field.
 */
function ownData(item: Passing, edits: readonly FieldEdit[]): Record<string, unknown> {
  const names = new Set([...edits.map(({ field }) => field), ...Object.keys(item.given)]);
  return Object.fromEntries(
    [...names].map((name) => [name, item.links.get(name)?.after ?? item.draft.record[name]]),
  );
}
