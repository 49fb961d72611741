import type { Principal } from '../auth/principal.ts';
import type { Queryable } from '../db/transaction.ts';
import type { Register, Resource } from '../resources/contract.ts';
import type { Statement } from '../resources/where-sql.ts';
import type { ApplyCounts, Operation } from './contract.ts';
import { idRow, keyCondition, keySql } from '../metadata/key-sql.ts';

/** SQLSTATE of a view's check option: a row's own fault, so that it fails alone. */
const outsideScope = '44000';

/**
 * The same operation, held to its author's row scope: a record that has left the scope since it was chosen is left alone
 * like one that is gone, and a change that would move a record out of the scope is refused.
 */
export async function withinScope(operation: Operation, register: Register, resource: Resource, principal: Principal): Promise<Operation> {
  const scope = resource.scope(principal);
  if (!scope) return operation;
  const { statement: _, ...others } = operation;
  const within = await register.whereSql(resource.model, scope);
  return {
    ...others,
    async apply(client, target, keys, params) {
      const mine = await lockWithin(client, resource, within, keys);
      const outside = { changed: 0, unchanged: 0, gone: keys.length - mine.length };
      if (mine.length === 0) return outside;
      await client.query('savepoint scope');
      const counts = await operation.apply(client, target, mine, params);
      const kept = operation.kind === 'delete' ? mine : await keysWithin(client, resource, within, mine);
      if (kept.length === mine.length) return sum(counts, outside);
      await client.query('rollback to savepoint scope');
      const stays = new Set(kept);
      const refusals = [{ ...movedOut(resource), keys: mine.filter((key) => !stays.has(key)) }];
      if (kept.length === 0) return { ...outside, refusals };
      const again = await operation.apply(client, target, kept, params);
      // Whether a record stays may hang on another that was just left as it was.
      if ((await keysWithin(client, resource, within, kept)).length < kept.length) throw Object.assign(new Error(), movedOut(resource));
      return sum(again, { ...outside, refusals });
    },
  };
}

function sum(one: ApplyCounts, other: ApplyCounts): ApplyCounts {
  return {
    changed: one.changed + other.changed,
    unchanged: one.unchanged + other.unchanged,
    gone: one.gone + other.gone,
    refusals: [...(one.refusals ?? []), ...(other.refusals ?? [])],
    conflicts: [...(one.conflicts ?? []), ...(other.conflicts ?? [])],
  };
}

// Locked first: what is asked then must still hold when it is written.
async function lockWithin(client: Queryable, resource: Resource, within: Statement, keys: readonly string[]): Promise<string[]> {
  const { model } = resource;
  const condition = keyCondition(model, 't', keys, 1);
  await client.query(`select 1 from ${model.table} t where ${condition.sql} order by ${keySql(model, 't')} for update`, condition.values);
  return keysWithin(client, resource, within, keys);
}

async function keysWithin(client: Queryable, { model }: Resource, within: Statement, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return [];
  const condition = keyCondition(model, 't', keys, within.values.length + 1);
  const { rows } = await client.query<{ key: string }>(
    `select ${keySql(model, 't')} collate "C" as key from ${model.table} t
     where ${condition.sql} and ${idRow(model, 't')} in (${within.text}) order by 1`,
    [...within.values, ...condition.values],
  );
  return rows.map(({ key }) => key);
}

function movedOut({ singular }: Resource): { code: string; message: string } {
  return { code: outsideScope, message: `With these values the ${singular.toLowerCase()} would no longer be yours to see.` };
}
