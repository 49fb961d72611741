import { createHash } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import { BoundedMap } from '../bounded-map.ts';
import { raw, type Sql, type Statement, sql, statementOf } from '../db/sql.ts';
import { limits } from '../limits.ts';
import type { Client } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { idOf, reselect } from './matching-sql.ts';
import { buildWhere } from './where.ts';

/** How many records there are: counted, or what the database's planner believes. */
export interface Count {
  value: number;
  isExact: boolean;
}

/**
 * A count that the planner prices higher is not made unasked: about a million small rows to read.
 */
const maxCost = 50_000;

/** An estimate this many times above the limit is believed without counting up to it. */
const surely = 10;

/** How many records match, counted up to the resource's `countLimit`. At most two statements. */
export async function countRecords(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  filter: string,
): Promise<Count> {
  const { model } = resource;
  const matching = await registry.whereSql(
    model,
    buildWhere(resource, principal, filter),
    idOf(model),
  );
  return countMatching(registry.client, resource, matching);
}

/**
 * The same of what reads ids. Beyond the limit, and where even counting up to it would read too
 * much, an estimate.
 */
export async function countMatching(
  client: Client,
  resource: Resource,
  matching: Sql,
): Promise<Count> {
  const { model, countLimit } = resource;
  const bounded = sql`${reselect(model, matching, '1')} limit ${raw(String(countLimit + 1))}`;
  const plan = await explain(client, statementOf(bounded));
  if (plan.cost > maxCost || plan.rows > countLimit * surely)
    return { value: plan.rows, isExact: false };
  const value = await count(client, bounded);
  return value <= countLimit
    ? { value, isExact: true }
    : { value: Math.max(plan.rows, value), isExact: false };
}

/** However many there are. */
export async function countExactly(
  client: Client,
  { model }: Resource,
  matching: Sql,
): Promise<Count> {
  return { value: await count(client, reselect(model, matching, '1')), isExact: true };
}

async function count(client: Client, rows: Sql): Promise<number> {
  const { text, values } = statementOf(sql`select count(*) as count from (${rows}) c`);
  const [found] = await client.$queryRawUnsafe<{ count: bigint }[]>(text, ...values);
  return Number(found?.count);
}

interface Plan {
  'Total Cost': number;
  'Plan Rows': number;
  Plans?: Plan[];
}

const maxAgeMs = 30_000;
const kept = new WeakMap<Client, Map<string, { plan: Promise<Estimate>; until: number }>>();

/** An estimate is good for half a minute: whoever pages on is not waiting for the planner again. */
function explain(client: Client, statement: Statement, now = Date.now()): Promise<Estimate> {
  const plans =
    kept.get(client) ??
    new BoundedMap<string, { plan: Promise<Estimate>; until: number }>(limits.remembered.estimates);
  kept.set(client, plans);
  const name = digestOf(
    JSON.stringify([statement.text, statement.values], (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
  const known = plans.get(name);
  if (known && known.until > now) return known.plan;
  const plan = askPlanner(client, statement);
  plan.catch(() => plans.delete(name));
  plans.set(name, { plan, until: now + maxAgeMs });
  return plan;
}

// A filter may be long, and there are many.
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

interface Estimate {
  cost: number;
  rows: number;
}

/** What a statement with a limit would cost, and how many rows there would be without the limit. */
async function askPlanner(client: Client, { text, values }: Statement): Promise<Estimate> {
  const [found] = await client.$queryRawUnsafe<{ 'QUERY PLAN': { Plan: Plan }[] }[]>(
    `explain (format json) ${text}`,
    ...values,
  );
  const plan = found?.['QUERY PLAN'][0]?.Plan as Plan;
  return { cost: plan['Total Cost'], rows: (plan.Plans?.[0] ?? plan)['Plan Rows'] };
}
