import type { Queryable } from '../../db/transaction.ts';
import { whereKeys } from '../../metadata/keys.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { insertChange } from '../journal/journal-entry.ts';
import type { ApplyCounts, ApplyTarget, Through } from '../contract.ts';
import { journal } from '../journal-kind.ts';
import { keepDifference } from '../journal/keep-difference.ts';
import { keptBackOf, presentKeys, refuseKeptBack, without } from '../refusals/kept-back.ts';
import { callEach } from '../rules/objections.ts';
import { readRows, type Row } from '../journal/row-values.ts';
import { askClient, type HookContext, runHook } from '../rules/run-hooks.ts';
import { keepGoneAlong, readAlong, type TakenAlong } from '../cascade/cascade.ts';

/** Deletes records of a resource that has rules of its own, or that is written through the project's client. */
export async function deletePerRecord(
  sql: Queryable,
  target: ApplyTarget,
  through: Through,
  keys: readonly string[],
  along: TakenAlong,
  deleteSet: () => Promise<ApplyCounts>,
): Promise<ApplyCounts> {
  const { resource, author } = target;
  const { model, hooks, writeThrough } = resource;
  const context: HookContext = { resource, principal: through.principal, taskId: author.taskId, tx: through.tx, log: through.log };
  if (target.isTrial || (writeThrough === 'sql' && !hooks.beforeDelete && !hooks.afterDelete)) return deleteSet();
  const rows = await readRows(sql, model, keys, writeThrough === 'client' ? { keeps: 'image and whole' } : {});
  const keyOfRow = ({ key }: Row) => key;
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'beforeDelete', { record }));
  // Those that are there and cannot be locked are kept back by a policy.
  const absent = without(keys, rows.map(keyOfRow));
  refuseKeptBack(await presentKeys(sql, model, absent));
  const counts = writeThrough === 'client' ? await deleteThroughClient(sql, target, context, rows, along) : await deleteSet();
  refuseKeptBack(keptBackOf(counts));
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'afterDelete', { record }));
  return { ...counts, gone: absent.length };
}

async function deleteThroughClient(
  sql: Queryable,
  target: ApplyTarget,
  context: HookContext,
  rows: readonly Row[],
  { dependants, keptAlong }: TakenAlong,
): Promise<ApplyCounts> {
  const { resource } = target;
  const { model } = resource;
  const delegate = delegateOf(context.tx, model);
  const taken = await readAlong(
    sql,
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
      ({ key }) => askClient(context, () => delegate.deleteMany({ where: whereKeys(model, [key]) })),
    );
  }
  // An extension may have made something else of it, such as a mark on rows that stay.
  const stays = new Set(
    (
      await readRows(
        sql,
        model,
        rows.map(({ key }) => key),
      )
    ).map(({ key }) => key),
  );
  const marked = rows.filter(({ key }) => stays.has(key));
  const gone = rows.filter(({ key }) => !stays.has(key));
  const changed = marked.length === 0 ? [] : await keepDifference(sql, target, marked, []);
  refuseKeptBack(
    without(
      marked.map(({ key }) => key),
      changed.map(({ key }) => key),
    ),
  );
  const values: unknown[] = [gone.map(({ key }) => key), gone.map(({ whole }) => whole)];
  const change = insertChange(target, (value) => `$${values.push(value)}`, {
    kind: journal.deleted,
    fields: `'{}'`,
    keys: 'array_agg(key order by key)',
    firstKey: 'min(key)',
    before: 'jsonb_agg(image::jsonb order by key)',
    keptAlong,
  });
  await keepGoneAlong(sql, target, taken);
  await sql.query(`${change} from unnest($1::text[], $2::text[]) as was(key, image) having count(*) > 0`, values);
  return { changed: rows.length, unchanged: 0, gone: 0 };
}
