import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { whereKeys } from '../../metadata/keys.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { type DeletedCascade, keepGoneCascade, readCascade } from '../cascade/cascade.ts';
import type { ApplyCounts, ApplyTarget, Through } from '../contract.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { keepDifference } from '../journal/keep-difference.ts';
import { type Row, readRows } from '../journal/row-values.ts';
import { journal } from '../journal-kind.ts';
import { keptBackOf, presentKeys, refuseKeptBack, without } from '../refusals/kept-back.ts';
import { callEach } from '../rules/objections.ts';
import { askClient, chunkContext, type HookContext, runHook } from '../rules/run-hooks.ts';

/**
 * Deletes records of a resource that has rules of its own, or that is written through the project's
 * client.
 */
export async function deletePerRecord(
  client: Queryable,
  target: ApplyTarget,
  through: Through,
  keys: readonly string[],
  cascade: DeletedCascade,
  deleteSet: () => Promise<ApplyCounts>,
): Promise<ApplyCounts> {
  const { resource } = target;
  const { model, hooks, writeThrough } = resource;
  const context = chunkContext(target, through);
  if (target.isTrial || (writeThrough === 'sql' && !hooks.beforeDelete && !hooks.afterDelete))
    return deleteSet();
  const rows = await readRows(
    client,
    model,
    keys,
    writeThrough === 'client' ? { keeps: 'image and whole' } : {},
  );
  const keyOfRow = ({ key }: Row) => key;
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'beforeDelete', { record }));
  // Those that are there and cannot be locked are kept back by a policy.
  const absent = without(keys, rows.map(keyOfRow));
  refuseKeptBack(await presentKeys(client, model, absent));
  const counts =
    writeThrough === 'client'
      ? await deleteThroughClient(client, target, context, rows, cascade)
      : await deleteSet();
  refuseKeptBack(keptBackOf(counts));
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'afterDelete', { record }));
  return { ...counts, gone: absent.length };
}

async function deleteThroughClient(
  client: Queryable,
  target: ApplyTarget,
  context: HookContext,
  rows: readonly Row[],
  { dependants, cascadeKept }: DeletedCascade,
): Promise<ApplyCounts> {
  const { resource } = target;
  const { model } = resource;
  const delegate = delegateOf(context.tx, model);
  const taken = await readCascade(
    client,
    model,
    dependants,
    rows.map(({ key }) => key),
  );
  const objection = await askClient(context, () =>
    delegate.deleteMany({
      where: whereKeys(
        model,
        rows.map(({ key }) => key),
      ),
    }),
  );
  // The set was refused as a whole; one after the other it is seen for which of them.
  if (objection) {
    await callEach(
      rows,
      ({ key }) => key,
      ({ key }) =>
        askClient(context, () => delegate.deleteMany({ where: whereKeys(model, [key]) })),
    );
  }
  // An extension may have made something else of it, such as a mark on rows that stay.
  const stays = new Set(
    (
      await readRows(
        client,
        model,
        rows.map(({ key }) => key),
      )
    ).map(({ key }) => key),
  );
  const marked = rows.filter(({ key }) => stays.has(key));
  const gone = rows.filter(({ key }) => !stays.has(key));
  const changed = marked.length === 0 ? [] : await keepDifference(client, target, marked, []);
  refuseKeptBack(
    without(
      marked.map(({ key }) => key),
      changed.map(({ key }) => key),
    ),
  );
  const change = insertChange(target, {
    kind: journal.deleted,
    fields: raw(`'{}'`),
    keys: raw('array_agg(key order by key)'),
    firstKey: raw('min(key)'),
    before: raw('jsonb_agg(image::jsonb order by key)'),
    cascadeKept,
  });
  const keysGone = gone.map(({ key }) => key);
  const images = gone.map(({ whole }) => whole);
  await keepGoneCascade(client, target, taken);
  await query(
    client,
    sql`${change} from unnest(${keysGone}::text[], ${images}::text[]) as was(key, image) having count(*) > 0`,
  );
  return { changed: rows.length, unchanged: 0, gone: 0 };
}
