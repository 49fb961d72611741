import type { Principal } from '../auth/principal.ts';
import { query, raw, type Sql, sql } from '../db/sql.ts';
import { sqlstate } from '../db/sqlstate.ts';
import type { Queryable } from '../db/transaction.ts';
import { idRow, keyCondition, keySql } from '../metadata/key-sql.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { appliedBy } from './applied-by.ts';
import type { Operation } from './contract.ts';
import { sumOf } from './in-halves.ts';

/** SQLSTATE of a view's check option: a row's own fault, so that it fails alone. */
const outsideScope = sqlstate.checkOptionViolation;

/**
 * The same operation, held to its author's row scope: a record that has left the scope since it was
 * chosen is left alone like one that is gone, and a change that would move a record out of the
 * scope is refused; but for what puts records away, and brings such back.
 */
export async function withinScope(
  operation: Operation,
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
): Promise<Operation> {
  const scope = resource.scope(principal);
  if (!scope) return operation;
  const within = await registry.whereSql(resource.model, scope);
  return appliedBy(operation, async (client, target, keys, params) => {
    await lock(client, resource, keys);
    const outside = await keysOutside(client, resource, within, keys);
    const move = operation.scopeMove?.(params) ?? null;
    const mine = move === 'enters' ? keys : keys.filter((key) => !outside.has(key));
    const left = { changed: 0, unchanged: 0, gone: keys.length - mine.length };
    if (mine.length === 0) return left;
    if (move === 'leaves') return sumOf(await operation.apply(client, target, mine, params), left);
    await client.query('savepoint scope');
    const counts = await operation.apply(client, target, mine, params);
    const moved = await keysOutside(client, resource, within, mine);
    if (moved.size === 0) return sumOf(counts, left);
    await client.query('rollback to savepoint scope');
    const kept = mine.filter((key) => !moved.has(key));
    const out = [...moved].filter((key) => !outside.has(key));
    const refused = {
      ...left,
      gone: left.gone + moved.size - out.length,
      ...(out.length > 0 && { refusals: [{ ...movedOut(resource), keys: out }] }),
    };
    if (kept.length === 0) return refused;
    const again = await operation.apply(client, target, kept, params);
    // A record's place in the scope may depend on another record that was just left unchanged:
    // asks once more.
    if ((await keysOutside(client, resource, within, kept)).size > 0)
      throw Object.assign(new Error(), movedOut(resource));
    return sumOf(again, refused);
  });
}

// Locked first: what is asked then must still hold when it is written.
async function lock(
  client: Queryable,
  { model }: Resource,
  keys: readonly string[],
): Promise<void> {
  const order = raw(keySql(model, 't'));
  await query(
    client,
    sql`select 1 from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} order by ${order} for update`,
  );
}

/**
 * Those that are there and not in the scope; one that is not there (yet) is the operation's own
 * business.
 */
async function keysOutside(
  client: Queryable,
  { model }: Resource,
  within: Sql,
  keys: readonly string[],
): Promise<Set<string>> {
  const ids = model.idFields.map((_, index) => `id${index}`);
  const isSame = raw(`${idRow(model, 't')} = (${ids.map((id) => `w.${id}`).join(', ')})`);
  const { rows } = await query<{ key: string }>(
    client,
    sql`select ${raw(keySql(model, 't'))} collate "C" as key from ${raw(model.table)} t
     where ${keyCondition(model, 't', keys)} and not exists (select 1 from (${within}) w (${raw(ids.join(', '))}) where ${isSame})
     order by 1`,
  );
  return new Set(rows.map(({ key }) => key));
}

function movedOut({ singular }: Resource): { code: string; message: string } {
  return {
    code: outsideScope,
    message: `With these values the ${singular.toLowerCase()} would no longer be yours to see.`,
  };
}
