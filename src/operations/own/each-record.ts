import type { Queryable } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { type OperationOptions, Refused } from '../../resources/operation-options.ts';
import type { WriteCalls } from '../../resources/write-calls.ts';
import type { ApplyCounts, ApplyTarget, Through } from '../contract.ts';
import { keepDifference } from '../journal/keep-difference.ts';
import { type Row, readRows, toText } from '../journal/row-values.ts';
import { presentKeys, refuseKeptBack, without } from '../refusals/kept-back.ts';
import { RecordsRefused } from '../refusals/records-refused.ts';
import { callEach } from '../rules/objections.ts';
import { keyOfPassing, keysOf, type Passing } from '../rules/passing.ts';
import {
  askOwn,
  chunkContext,
  type Draft,
  isObjection,
  runBeforeSave,
  runHook,
  runOwnSave,
  validateDraft,
} from '../rules/run-hooks.ts';
import { writeThroughClient } from '../update/write-through-client.ts';
import { refusedBecause, refusedCode } from './ask-refuse.ts';
import { givenMistake } from './given-mistake.ts';

type Each = NonNullable<OperationOptions['each']>;

const keyOfRow = ({ key }: Row) => key;

/**
 * Does an operation's `each` to one record after another, and writes what it gives through the
 * project's client, by the resource's own rules as a form does. What is kept as before and after is
 * what is then different, whoever wrote it.
 */
export async function eachRecord(
  sql: Queryable,
  target: ApplyTarget,
  through: Through,
  keys: readonly string[],
  { name, label, each }: { name: string; label: string; each: Each },
  params: Record<string, unknown>,
): Promise<ApplyCounts> {
  const { resource } = target;
  const { model, hooks } = resource;
  const context = chunkContext(target, through);
  const rows = await readRows(sql, model, keys, { keeps: 'image' });
  const absent = without(keys, rows.map(keyOfRow));
  refuseKeptBack(await presentKeys(sql, model, absent));
  const gone = absent.length;
  // What it reaches beyond the transaction could not be taken back.
  if (target.isTrial) return { changed: rows.length, unchanged: 0, gone };
  const passing: Passing[] = [];
  await callEach(rows, keyOfRow, async (row) => {
    const { principal, taskId, tx } = context;
    const event = {
      record: { ...row.record },
      params,
      principal,
      taskId,
      tx: tx as never,
      refuse: (why: string) => new Refused(why),
      ...(context.calls as WriteCalls),
    };
    const given = await askOwn(context, name, async () => each(event));
    if (isObjection(given)) return given;
    if (given instanceof Refused) return refusedBecause(given.why);
    if (given === null || given === undefined) return null;
    const wrong = givenMistake(model, given, row.record);
    if (wrong !== null) return refusedBecause(`“${label}” ${wrong}`);
    passing.push(passingOf(row, given as Record<string, unknown>));
    return null;
  });
  await callEach(passing, keyOfPassing, async (item) => {
    const objection = await validateDraft(context, item.draft);
    if (objection) return objection;
    const more = await runBeforeSave(context, item.draft);
    if (isObjection(more)) return more;
    item.given = { ...item.given, ...(more as Record<string, unknown>) };
    return null;
  });
  const asked = passing.filter(isAsked);
  if (hooks.save) {
    await callEach(asked, keyOfPassing, async (item) => {
      const done = await runOwnSave(context, item.draft, item.given);
      return isObjection(done) ? done : null;
    });
  } else if (asked.length > 0) await writeThroughClient(context, asked, []);
  await refuseDeleted();
  const differing = new Set((await keepDifference(sql, target, rows, [])).map(({ key }) => key));
  refuseKeptBack(keysOf(asked).filter((key) => !differing.has(key)));
  if (hooks.afterSave && asked.length > 0) await tellAfter();
  const same = passing.filter(({ row: { key } }) => !differing.has(key)).length;
  return { changed: rows.length - same, unchanged: same, gone };

  function passingOf(row: Row, given: Record<string, unknown>): Passing {
    const draft: Draft = {
      kind: 'update',
      before: row.record,
      record: { ...row.record, ...given },
      fields: Object.keys(given),
    };
    return { row, draft, links: new Map(), given };
  }

  function isAsked({ row, given }: Passing): boolean {
    return Object.entries(given).some(([field, value]) => {
      const meta = model.fields[field] as FieldMeta;
      return toText(meta, value) !== toText(meta, row.record[field]);
    });
  }

  async function refuseDeleted(): Promise<void> {
    const all = rows.map(keyOfRow);
    const deleted = without(all, await presentKeys(sql, model, all));
    const message = 'The operation deletes it, and its definition does not say so.';
    if (deleted.length > 0)
      throw new RecordsRefused([{ code: refusedCode, message, keys: deleted }]);
  }

  async function tellAfter(): Promise<void> {
    const now = new Map(
      (await readRows(sql, model, keysOf(asked))).map((row) => [row.key, row.record]),
    );
    await callEach(asked, keyOfPassing, ({ row, draft: { kind, before, fields } }) =>
      runHook(context, 'afterSave', { kind, before, fields, record: now.get(row.key) }),
    );
  }
}
