import type { Queryable } from '../db/transaction.ts';
import { whereKeys } from '../metadata/keys.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { ApplyCounts, ApplyTarget, Through } from './contract.ts';
import { keepDifference } from './keep-difference.ts';
import { callEach } from './objections.ts';
import { readRows, type Row } from './row-values.ts';
import { askClient, type HookContext, runHook } from './run-hooks.ts';

/** Deletes records of a resource that has rules of its own, or that is written through the project's client. */
export async function deletePerRecord(
  sql: Queryable,
  target: ApplyTarget,
  through: Through,
  keys: readonly string[],
  deleteSet: () => Promise<ApplyCounts>,
): Promise<ApplyCounts> {
  const { resource, author } = target;
  const { metadata, model, hooks, writeThrough } = resource;
  const context: HookContext = { resource, principal: through.principal, taskId: author.taskId, tx: through.tx, log: through.log };
  if (target.isTrial || (writeThrough === 'sql' && !hooks.beforeDelete && !hooks.afterDelete)) return deleteSet();
  const rows = await readRows(sql, metadata, model, keys, writeThrough === 'client' ? { keeps: 'image and whole' } : {});
  const keyOfRow = ({ key }: Row) => key;
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'beforeDelete', { record }));
  const counts = writeThrough === 'client' ? await deleteThroughClient(sql, target, context, rows) : await deleteSet();
  await callEach(rows, keyOfRow, ({ record }) => runHook(context, 'afterDelete', { record }));
  return { ...counts, gone: keys.length - rows.length };
}

async function deleteThroughClient(sql: Queryable, target: ApplyTarget, context: HookContext, rows: readonly Row[]): Promise<ApplyCounts> {
  const { resource, t, author } = target;
  const { model } = resource;
  const delegate = delegateOf(context.tx, model);
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
        resource.metadata,
        model,
        rows.map(({ key }) => key),
      )
    ).map(({ key }) => key),
  );
  const marked = rows.filter(({ key }) => stays.has(key));
  const gone = rows.filter(({ key }) => !stays.has(key));
  const changed = marked.length === 0 ? 0 : await keepDifference(sql, target, marked, []);
  await sql.query(
    `insert into ${t.change} (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before)
     select $1, $2, 'delete', $3::int, $4::int, $5, $6, $7, '{}', array_agg(key order by key), min(key), jsonb_agg(image::jsonb order by key)
     from unnest($8::text[], $9::text[]) as was(key, image) having count(*) > 0`,
    [
      model.name,
      resource.slug,
      author.taskId,
      author.chunk,
      author.principalId,
      author.principalName,
      author.changeReason,
      gone.map(({ key }) => key),
      gone.map(({ whole }) => whole),
    ],
  );
  return { changed: changed + gone.length, unchanged: marked.length - changed, gone: 0 };
}
