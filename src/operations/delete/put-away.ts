import type { Queryable } from '../../db/transaction.ts';
import type { ApplyCounts, ApplyTarget, Operation } from '../contract.ts';
import { keepDifference } from '../journal/keep-difference.ts';
import { type Row, readRows } from '../journal/row-values.ts';
import { journal } from '../journal-kind.ts';
import { presentKeys, refuseKeptBack, without } from '../refusals/kept-back.ts';
import { RecordsRefused } from '../refusals/records-refused.ts';
import { callEach } from '../rules/objections.ts';
import { chunkContext, type HookContext, type Objection, runHook } from '../rules/run-hooks.ts';
import { putAwayWords } from '../words.ts';
import { type DeleteParameters, deleteOperation } from './delete.ts';

/** What a hook that was to put a record away has done instead. */
export const deletedByHook: Objection = {
  code: 'hook-failed',
  message: 'The delete rule deletes it, and is to put it away. It stands as it was.',
  fieldErrors: {},
};

/**
 * Lets the resource's own `delete` hook put records away, in place of a delete. What the hook writes
 * to a record is kept as a change of it, so that an undo puts it back.
 */
export const putAwayOperation: Operation<DeleteParameters> = {
  kind: deleteOperation.kind,
  offer: deleteOperation.offer && { ...deleteOperation.offer, icon: 'archive' },
  words: putAwayWords,
  action: deleteOperation.action,
  actionOf: ({ isForm }) => (isForm ? 'delete' : 'bulk-delete'),
  writes: journal.changed,
  writePath: deleteOperation.writePath,
  scopeMove: () => 'leaves',
  needsClient: true,
  firstRows: 50,
  parse: () => ({}),
  title: (resource) => `Put ${resource.label.toLowerCase()} away`,
  describe: (_resource, { isForm }) => [isForm ? 'Put the record away' : 'Put the records away'],
  apply: putAwayEach,
};

const keyOfRow = ({ key }: Row) => key;

async function putAwayEach(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
): Promise<ApplyCounts> {
  const { resource, through } = target;
  const { model } = resource;
  if (!through) throw new Error(`the delete hook of ${model.name} needs the project's client`);
  const rows = await readRows(client, model, keys, { keeps: 'image' });
  const absent = without(keys, rows.map(keyOfRow));
  // Those that are there and cannot be locked are kept back by a policy.
  refuseKeptBack(await presentKeys(client, model, absent));
  const gone = absent.length;
  // What the hook reaches beyond the transaction could not be taken back.
  if (target.isTrial) return { changed: rows.length, unchanged: 0, gone };
  const context = chunkContext(target, through);
  await callEach(rows, keyOfRow, ({ record }) => runDelete(context, record));
  const stays = await presentKeys(client, model, rows.map(keyOfRow));
  const deleted = without(rows.map(keyOfRow), stays);
  if (deleted.length > 0) throw new RecordsRefused([{ ...deletedByHook, keys: deleted }]);
  const differing = await keepDifference(client, target, rows, []);
  return { changed: differing.length, unchanged: rows.length - differing.length, gone };
}

/** The hook, between those that only look; returns what the first of them objects to. */
export async function runDelete(
  context: HookContext,
  record: Record<string, unknown>,
): Promise<Objection | null> {
  for (const name of ['beforeDelete', 'delete', 'afterDelete'] as const) {
    const objection = await runHook(context, name, { record });
    if (objection) return objection;
  }
  return null;
}
