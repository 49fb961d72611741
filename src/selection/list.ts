import type { Principal } from '../auth/principal.ts';
import type { Statement } from '../db/sql.ts';
import { AppError } from '../errors.ts';
import { isOutOfReach } from '../fields/timestamp.ts';
import { whereKeys } from '../metadata/keys.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { type Count, countExactly, countMatching } from './count.ts';
import { cursorText, endCursor, invalidCursor, parseCursor } from './cursor.ts';
import type { Place } from './keyset.ts';
import { type ListedRecord, listedRow } from './listed-row.ts';
import { idOf } from './matching-sql.ts';
import { readsOf } from './page-reads.ts';
import { maxMarkLength, pageColumns, pageStatement } from './page-sql.ts';
import { parseSort, type SortKey, withTieBreak } from './sort.ts';
import { readTitled } from './titled.ts';
import { buildWhere } from './where.ts';

export type { ListedRecord } from './listed-row.ts';

export interface ListQuery {
  filter: string;
  /** `population`, `country.name,-population`. */
  sort: string;
  /**
   * Counts from 1 where there is no cursor; with one it is only what the page is called, if
   * anything.
   */
  page: number | null;
  size: number;
  /** Cursors, at most one of them. */
  after: string | null;
  before: string | null;
  /** Count however many there are. */
  isCounted: boolean;
}

export interface ListPage {
  records: ListedRecord[];
  total: Count;
  /** Null where it is not known. */
  number: number | null;
  hasPrevious: boolean;
  hasNext: boolean;
  /** Cursors at the first and last record; null where there is none, or no order that is total. */
  first: string | null;
  last: string | null;
}

/**
 * One page of a resource, by at most three statements, whatever its size; a page after or before a
 * place costs the same anywhere.
 */
export async function listRecords(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  query: ListQuery,
): Promise<ListPage> {
  const where = buildWhere(resource, principal, query.filter);
  const matching = await registry.whereSql(resource.model, where, idOf(resource.model));
  const isWhole = Object.values(where).flat().length === 0;
  const sort = withTieBreak(resource.model, parseSort(registry, resource, principal, query.sort));
  const place = placeOf(resource, sort, query);
  const reads = readsOf(resource);
  const places = new Map([...reads.keys()].map((name, index) => [name, index]));
  const page =
    place.values || place.direction === 'before'
      ? await readPlace(place)
      : await readNumbered(query.page ?? 1);
  return { ...page, total: await totalOf(page) };

  async function readNumbered(number: number): Promise<Omit<ListPage, 'total'>> {
    const offset = (number - 1) * query.size;
    if (offset > resource.countLimit) throw tooFar(resource, query.size);
    const { rows, isMore } = await read({ direction: 'after', values: null }, offset);
    return { ...cut(rows), number, hasPrevious: number > 1, hasNext: isMore };
  }

  async function readPlace(at: Place): Promise<Omit<ListPage, 'total'>> {
    const { rows, isMore } = await read(at, 0);
    const isEnd = at.direction === 'before' && at.values === null;
    // Going back with fewer records left than a page has: the page is the first one.
    if (at.direction === 'before' && !isEnd && rows.length < query.size) return readNumbered(1);
    if (at.direction === 'after')
      return { ...cut(rows), number: query.page, hasPrevious: true, hasNext: isMore };
    return { ...cut(rows.reverse()), number: query.page, hasPrevious: isMore, hasNext: !isEnd };
  }

  async function read(
    at: Place,
    offset: number,
  ): Promise<{ rows: Record<string, unknown>[]; isMore: boolean }> {
    const asked = {
      registry,
      resource,
      principal,
      matching,
      sort,
      reads: [...reads.values()],
      isWhole,
      place: at,
      offset,
      limit: query.size + 1,
    };
    const rows = await run(registry, await pageStatement(asked), query);
    if (rows.some((row) => Object.values(row).some(isOutOfReach))) {
      const again = await run(
        registry,
        await pageStatement({ ...asked, hasTextTimestamps: true }),
        query,
      );
      // Somebody may have added or deleted a record between the two reads.
      const texts = new Map(again.map((row, index) => [placeIn(row, index), row]));
      for (const [index, row] of rows.entries())
        addTexts(row, texts.get(placeIn(row, index)) ?? {});
    }
    return { rows: rows.slice(0, query.size), isMore: rows.length > query.size };
  }

  function placeIn(row: Record<string, unknown>, index: number): string {
    const hasOrder = resource.model.idFields.length > 0;
    return JSON.stringify(hasOrder ? sort.map((_, at) => row[pageColumns.order(at)]) : index);
  }

  function cut(rows: Record<string, unknown>[]): Pick<ListPage, 'records' | 'first' | 'last'> {
    const hasOrder = resource.model.idFields.length > 0;
    const cursorOf = (row: Record<string, unknown> | undefined) => {
      const marks =
        row && hasOrder
          ? sort.map((_, index) => row[pageColumns.order(index)] as string | null)
          : null;
      return marks?.every((mark) => mark === null || mark.length <= maxMarkLength)
        ? cursorText(marks)
        : null;
    };
    return { records: rows.map(recordOf), first: cursorOf(rows[0]), last: cursorOf(rows.at(-1)) };
  }

  function recordOf(row: Record<string, unknown>): ListedRecord {
    const read = (name: string) => row[pageColumns.read(places.get(name) ?? -1)];
    return listedRow(resource, read);
  }

  /** A page that ends the list says how many there are. */
  async function totalOf({
    number,
    records,
    hasNext,
    hasPrevious,
  }: Omit<ListPage, 'total'>): Promise<Count> {
    if (!hasNext && !hasPrevious) return { value: records.length, isExact: true };
    if (!query.after && !query.before && !hasNext && records.length > 0) {
      return { value: ((number ?? 1) - 1) * query.size + records.length, isExact: true };
    }
    return query.isCounted
      ? countExactly(registry.client, resource, matching)
      : countMatching(registry.client, resource, matching);
  }
}

function addTexts(row: Record<string, unknown>, texts: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(row))
    if (isOutOfReach(value)) row[name] = texts[name] ?? null;
}

function placeOf(
  resource: Resource,
  sort: readonly SortKey[],
  { after, before }: ListQuery,
): Place {
  const direction = before === null ? 'after' : 'before';
  const text = after ?? before;
  if (text === null) return { direction, values: null };
  if (resource.model.idFields.length === 0 || (after !== null && before !== null))
    throw invalidCursor(`_${direction}`);
  if (before === endCursor) return { direction, values: null };
  const nullable = sort.map(({ meta, through }) => through !== null || !meta.isRequired);
  return { direction, values: parseCursor(text, nullable, `_${direction}`) };
}

/**
 * A value that PostgreSQL cannot read is a wrong place in the list, or a wrong filter: never our
 * mistake.
 */
async function run(
  registry: ResourceRegistry,
  { text, values }: Statement,
  { after, before }: ListQuery,
): Promise<Record<string, unknown>[]> {
  try {
    return await registry.client.$queryRawUnsafe<Record<string, unknown>[]>(text, ...values);
  } catch (error) {
    if (!isUnreadableValue(error)) throw error;
    if (after !== null || before !== null)
      throw invalidCursor(after === null ? '_before' : '_after');
    throw new AppError(
      'invalid-filter',
      422,
      'A value of the filter is not one that its field can have.',
    );
  }
}

function isUnreadableValue(error: unknown): boolean {
  const { meta } = error as {
    meta?: { driverAdapterError?: { cause?: { originalCode?: string } } };
  };
  return meta?.driverAdapterError?.cause?.originalCode?.startsWith('22') ?? false;
}

function tooFar({ countLimit }: Resource, size: number): AppError {
  const last = Math.floor(countLimit / size) + 1;
  return new AppError(
    'page-too-far',
    422,
    `Pages are numbered up to ${last}. Go on from there with the next page, or narrow the list.`,
    {
      field: '_page',
    },
  );
}

/** Titles of records by key, for naming them; at most as many as are asked for, in the scope. */
export async function titlesOf(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  keys: readonly string[],
): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const where: Where = {
    AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, keys)],
  };
  const titled = await readTitled(registry, { resource, where });
  return new Map(titled.map(({ key, title }) => [key, title]));
}
