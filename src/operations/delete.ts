import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { insertChange } from './change-row.ts';
import type { ApplyCounts, ApplyTarget, Operation, Statement } from './contract.ts';
import { keyCondition, keySql } from '../metadata/key-sql.ts';
import { deletePerRecord } from './delete-per-record.ts';
import { lastImage } from './record-links.ts';

export type DeleteParameters = Record<string, never>;

/** Deletes records and keeps their last image. The acknowledgement is checked here, on the server. */
export const deleteOperation: Operation<DeleteParameters> = {
  kind: 'delete',
  action: 'bulk-delete',
  parse(_resource, body) {
    if (body.acknowledge !== 'yes') {
      const message = 'Tick the box to confirm that these records are to be deleted.';
      throw new AppError('invalid-operation', 422, message, { fieldErrors: { acknowledge: message } });
    }
    return {};
  },
  title: (resource) => `Delete ${resource.label.toLowerCase()}`,
  describe: () => ['Delete the records'],
  async apply(client, target, keys): Promise<ApplyCounts> {
    if (target.through) return deletePerRecord(client, target, target.through, keys, () => deleteSet(client, target, keys));
    return deleteSet(client, target, keys);
  },
  statement: (target, keys) => (target.through ? null : deleteStatement(target, keys)),
};

async function deleteSet(client: Queryable, target: ApplyTarget, keys: readonly string[]): Promise<ApplyCounts> {
  const statement = deleteStatement(target, keys);
  const { rows } = await client.query<{ changed: number }>(statement.sql, statement.values);
  const changed = rows[0]?.changed ?? 0;
  return { changed, unchanged: 0, gone: keys.length - changed };
}

function deleteStatement(target: ApplyTarget, keys: readonly string[]): Statement {
  const { model } = target.resource;
  const condition = keyCondition(model, 't', keys, 1);
  const values = [...condition.values];
  const change = insertChange(target, (value) => `$${values.push(value)}`, {
    kind: 'delete',
    fields: `'{}'`,
    keys: 'keys',
    firstKey: 'keys[1]',
    before: 'before',
  });
  return {
    sql: `with deleted as (
        delete from ${model.table} t where ${condition.sql} returning ${keySql(model, 't')} collate "C" as key, ${lastImage(model, 't')} as before
      ), images as (
        select array_agg(key order by key) as keys, jsonb_agg(before order by key) as before from deleted
      ), kept as (${change} from images where cardinality(keys) > 0)
      select coalesce(cardinality(keys), 0)::int as changed from images`,
    values,
  };
}
