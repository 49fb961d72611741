import { createHash } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import type { Register, Resource } from '../resources/contract.ts';
import type { Client } from '../resources/client.ts';
import type { Statement } from '../resources/where-sql.ts';
import { idOf, reselect } from './matching-sql.ts';
import { buildWhere } from './where.ts';
import { limits } from '../limits.ts';
import { BoundedMap } from '../bounded-map.ts';

/** How many records there are: counted, or what the database's planner believes. */
export interface Count {
  value: number;
  isExact: boolean;
}

/** A count that the planner prices higher is not made unasked: about a million small rows to read. */
const dearest = 50_000;

/** An estimate this many times above the limit is believed without counting up to it. */
const surely = 10;

/** How many records match, counted up to the resource's `countLimit`. At most two statements. */
export async function countRecords(register: Register, resource: Resource, principal: Principal, filter: string): Promise<Count> {
  const { model } = resource;
  const matching = await register.whereSql(model, buildWhere(resource, principal, filter), idOf(model));
  return countMatching(register.client, resource, matching);
}

/** The same of a statement that reads ids. Beyond the limit, and where even counting up to it would read too much, an estimate. */
export async function countMatching(client: Client, resource: Resource, { text, values }: Statement): Promise<Count> {
  const { model, countLimit } = resource;
  const bounded = `${reselect(model, text, '1')} limit ${countLimit + 1}`;
  const plan = await explain(client, bounded, values);
  if (plan.cost > dearest || plan.rows > countLimit * surely) return { value: plan.rows, isExact: false };
  const value = await count(client, bounded, values);
  return value <= countLimit ? { value, isExact: true } : { value: Math.max(plan.rows, value), isExact: false };
}

/** However many there are. */
export async function countExactly(client: Client, { model }: Resource, { text, values }: Statement): Promise<Count> {
  return { value: await count(client, reselect(model, text, '1'), values), isExact: true };
}

async function count(client: Client, rows: string, values: readonly unknown[]): Promise<number> {
  const [found] = await client.$queryRawUnsafe<{ count: bigint }[]>(`select count(*) as count from (${rows}) c`, ...values);
  return Number(found?.count);
}

interface Plan {
  'Total Cost': number;
  'Plan Rows': number;
  Plans?: Plan[];
}

const keptMs = 30_000;
const kept = new WeakMap<Client, Map<string, { plan: Promise<Estimate>; until: number }>>();

/** An estimate is good for half a minute: whoever pages on is not waiting for the planner again. */
function explain(client: Client, text: string, values: readonly unknown[], now = Date.now()): Promise<Estimate> {
  const plans = kept.get(client) ?? new BoundedMap<string, { plan: Promise<Estimate>; until: number }>(limits.remembered.estimates);
  kept.set(client, plans);
  const name = digestOf(JSON.stringify([text, values], (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  const known = plans.get(name);
  if (known && known.until > now) return known.plan;
  const plan = askPlanner(client, text, values);
  plan.catch(() => plans.delete(name));
  plans.set(name, { plan, until: now + keptMs });
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
async function askPlanner(client: Client, text: string, values: readonly unknown[]): Promise<Estimate> {
  const [found] = await client.$queryRawUnsafe<{ 'QUERY PLAN': { Plan: Plan }[] }[]>(`explain (format json) ${text}`, ...values);
  const plan = found?.['QUERY PLAN'][0]?.Plan as Plan;
  return { cost: plan['Total Cost'], rows: (plan.Plans?.[0] ?? plan)['Plan Rows'] };
}
