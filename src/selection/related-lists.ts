import type { Pool, PoolClient } from 'pg';
import type { Principal } from '../auth/principal.ts';
import { raw, type Statement, sql, statementOf } from '../db/sql.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { transaction } from '../db/transaction.ts';
import { keyToUrl, whereKeys } from '../metadata/keys.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { idOf, reselect } from './matching-sql.ts';
import type { RelatedRecord } from './related.ts';
import { type TitledRow, titledRows, titledStatement } from './titled.ts';
import { buildWhere } from './where.ts';

/**
 * Records that lead to one record, or are linked with it: the first of them, and how many there are
 * up to a limit.
 */
export interface RelatedList {
  field: ResourceField;
  resource: Resource;
  /** The other end of the relation, by which the related resource's list is filtered. */
  opposite: ResourceField;
  records: RelatedRecord[];
  /** Null: to count them took too long. */
  count: number | null;
  isMore: boolean;
  /** Null: there was time for all of it. */
  given: 'records' | 'nothing' | null;
}

const maxListed = 6;
const maxCounted = 1_000;

/**
 * Milliseconds that the lists of a page take together, and one of them: without an index each reads
 * a whole table.
 */
export interface ListTimes {
  all: number;
  each: number;
}

const usualTimes: ListTimes = { all: 600, each: 200 };

/**
 * One list for each relation to many whose other side the principal may see, over one connection
 * and for a limited time. At most two statements for each.
 */
export async function relatedLists(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  key: string,
  { all, each }: ListTimes = usualTimes,
): Promise<RelatedList[]> {
  const asked = await Promise.all(
    resource.fields.map((field) => askFor(registry, resource, principal, key, field)),
  );
  const lists = asked.filter((one) => one !== null);
  if (lists.length === 0) return [];
  const end = performance.now() + all;
  const readAll = async (client: PoolClient) => {
    const read: RelatedList[] = [];
    for (const list of lists)
      read.push(await readList(client, list, () => Math.min(each, end - performance.now())));
    return read;
  };
  return transaction(registry.pool as Pool, readAll, { waitsForNobody: true });
}

interface RelatedQuery extends Pick<RelatedList, 'field' | 'resource' | 'opposite'> {
  first: Statement;
  counted: Statement;
}

async function askFor(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  key: string,
  field: ResourceField,
): Promise<RelatedQuery | null> {
  const { relation } = field.meta;
  // A foreign key of one column is a value of the record itself; one of several is not.
  const related =
    relation && relation.fromFields.length !== 1 ? resource.related(relation.model) : null;
  const opposite = related?.fields.find(({ name }) => name === relation?.opposite);
  if (!relation || !related || !opposite) return null;
  const { model } = related;
  const here: Where = whereKeys(resource.model, [key]);
  const where: Where = {
    AND: [
      buildWhere(related, principal, ''),
      { [opposite.name]: related.model.fields[opposite.name]?.isList ? { some: here } : here },
    ],
  };
  const first = await titledStatement(registry, { resource: related, where, limit: maxListed + 1 });
  const found = reselect(model, await registry.whereSql(model, where, idOf(model)), '1');
  const counted = statementOf(
    sql`select count(*)::int as n from (${found} limit ${raw(String(maxCounted + 1))}) one`,
  );
  return { field, resource: related, opposite, first, counted };
}

async function readList(
  client: PoolClient,
  asked: RelatedQuery,
  timeLeft: () => number,
): Promise<RelatedList> {
  const { field, resource, opposite, first, counted } = asked;
  const list = { field, resource, opposite };
  const rows = await inTime<TitledRow>(client, first, timeLeft());
  if (!rows) return { ...list, records: [], count: null, isMore: false, given: 'nothing' };
  const titled = titledRows(asked, rows);
  const records = titled.slice(0, maxListed).map((one) => {
    const id = resource.model.idFields.length === 0 ? '' : keyToUrl(resource.model, one.key);
    return { id, title: one.title || id };
  });
  if (rows.length <= maxListed)
    return { ...list, records, count: rows.length, isMore: false, given: null };
  const [found] = (await inTime<{ n: number }>(client, counted, timeLeft())) ?? [];
  if (!found) return { ...list, records, count: null, isMore: true, given: 'records' };
  return {
    ...list,
    records,
    count: Math.min(found.n, maxCounted),
    isMore: found.n > maxCounted,
    given: null,
  };
}

/** Null: it took longer. */
async function inTime<R extends object>(
  client: PoolClient,
  { text, values }: Statement,
  ms: number,
): Promise<R[] | null> {
  if (ms < 1) return null;
  await client.query(`savepoint list; set local statement_timeout = ${Math.ceil(ms)}`);
  try {
    return (await client.query<R>(text, values)).rows;
  } catch (error) {
    if ((error as { code?: string }).code !== sqlstate.queryCanceled) throw error;
    await client.query('rollback to savepoint list');
    return null;
  }
}
