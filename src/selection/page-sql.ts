import type { Principal } from '../auth/principal.ts';
import { empty, join, raw, type Sql, type Statement, shared, sql, statementOf } from '../db/sql.ts';
import { limits } from '../limits.ts';
import type { FieldMeta, RelationMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { cutSql, isLongText } from './cut.ts';
import { type OrderKey, orderText, type Piece, type Place, piecesOf } from './keyset.ts';
import { idOf, reselect } from './matching-sql.ts';
import type { PageRead } from './page-reads.ts';
import { type RelatedView, relatedView } from './related-view.ts';
import type { SortKey } from './sort.ts';

export interface PageQuery {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  /** Reads the ids of the records that match, as `registry.whereSql` says it. */
  matching: Sql;
  sort: readonly SortKey[];
  reads: readonly PageRead[];
  /** Everything matches: there is no filter and no scope. */
  isWhole: boolean;
  place: Place;
  offset: number;
  limit: number;
  /** Timestamps as text, where JavaScript has none for one of them. */
  hasTextTimestamps?: boolean;
}

function where({ conditions }: Piece): Sql {
  return conditions.length > 0 ? sql` where ${join(conditions, ' and ')}` : empty;
}

function by(order: string): Sql {
  return raw(order === '' ? '' : ` order by ${order}`);
}

/** Names of the statement's columns, by the place of a read or of an order's key. */
export const pageColumns = {
  read: (index: number) => `#${index}`,
  /** The text of a cursor. */
  order: (index: number) => `#o${index}`,
};

/** Something to join: the related records that the principal may see. */
interface Other {
  view: RelatedView;
  rows: Sql;
}

/**
 * One statement for a page of a list: records with their related titles, and the texts of a cursor
 * at each of them.
 */
export async function pageStatement({
  registry,
  resource,
  principal,
  ...query
}: PageQuery): Promise<Statement> {
  const { model } = resource;
  const others = new Map<string, Other | null>();
  for (const name of modelsOf(query)) others.set(name, await findOther(name));
  const sortJoins = new Map<string, Sql>();
  const keys = query.sort.map(orderKey);
  const limit = shared(sql`${query.limit}::bigint`);
  const offset = shared(sql`${query.offset}::bigint`);
  const pieces = piecesOf(keys, query.place);
  const isDirect = query.isWhole && pieces.length === 1;
  const rows = sql`(${reselect(model, query.matching, '*')}) t ${join([...sortJoins.values()], ' ')}`;
  const lookups = new Map<string, Sql>();
  const marks = keys.map((key, index) =>
    raw(`left(${key.sql}::text, ${maxMarkLength + 1}) as "${pageColumns.order(index)}"`),
  );
  const read = query.reads.map(
    (one, index) => sql`${readSql(one)} as ${raw(`"${pageColumns.read(index)}"`)}`,
  );
  const part = sql`offset ${offset} limit ${limit}`;
  return statementOf(isDirect ? direct(pieces[0] as Piece) : cutFirst());

  /**
   * Without a filter, rows come from an index one by one, so related records are joined to each row
   * as it comes.
   */
  function direct(piece: Piece): Sql {
    const from = join([rows, ...lookups.values()], ' ');
    return sql`select ${join([...marks, ...read])} from ${from}${where(piece)}${by(piece.orderBy)} ${part}`;
  }

  /**
   * With a filter, matching rows may need a sort: the page is cut first, and related records are
   * looked up for its rows only.
   */
  function cutFirst(): Sql {
    const kept = keys.map((key, index) => ({ ...key, sql: `t."#s${index}"` }));
    const inner = join([
      raw('t.*'),
      ...marks,
      ...keys.map((key, index) => raw(`${key.sql} as "#s${index}"`)),
    ]);
    const each = pieces.map(
      (piece) => sql`select ${inner} from ${rows}${where(piece)}${by(piece.orderBy)}`,
    );
    // Pieces are read one after the other, as far as the page goes.
    const all = each.map((one) => sql`(${one} limit ${limit} + ${offset})`);
    const cut =
      each.length === 1
        ? sql`${each[0]} ${part}`
        : sql`select * from (${join(all, ' union all ')}) pieces ${part}`;
    const outer = join([
      ...keys.map((_, index) => raw(`t."${pageColumns.order(index)}"`)),
      ...read,
    ]);
    // The cut is in this order already, which the planner knows.
    return sql`select ${outer} from (${cut}) t ${join([...lookups.values()], ' ')}${by(orderText(kept, query.place.direction))}`;
  }

  async function findOther(modelName: string): Promise<Other | null> {
    const view = relatedView(registry, resource, principal, modelName);
    if (!view?.where) return view && { view, rows: raw(view.model.table) };
    const found = await registry.whereSql(view.model, view.where, idOf(view.model));
    return { view, rows: sql`(${reselect(view.model, found, '*')})` };
  }

  function orderKey({ meta, through, isDescending }: SortKey): OrderKey {
    const other = through?.relation && others.get(through.relation.model);
    const alias = through ? `"s ${through.name}"` : 't';
    if (other && through?.relation) sortJoins.set(alias, joined(other, alias, through.relation));
    return {
      sql: `${alias}.${meta.column}`,
      type: castOf(meta),
      isDescending,
      isNullable: through !== null || !meta.isRequired,
    };
  }

  function joined(other: Other, alias: string, relation: RelationMeta): Sql {
    return sql`left join ${other.rows} ${raw(`${alias} on ${pairs(relation, 't', other, alias)}`)}`;
  }

  function pairs(relation: RelationMeta, from: string, { view }: Other, alias: string): string {
    const equal = relation.fromFields.map((name, index) => {
      const far = view.model.fields[relation.toFields[index] ?? '']?.column;
      return `${alias}.${far} = ${from}.${model.fields[name]?.column}`;
    });
    return equal.join(' and ');
  }

  function readSql(read: PageRead): Sql {
    if (read.kind === 'own') return raw(shownAs('t', read));
    const other = read.through.relation && others.get(read.through.relation.model);
    if (!other) return raw('null');
    if (read.kind === 'titles') return titles(read.through, other);
    const alias = lookUp(read.through, other);
    if (read.kind === 'title') return raw(titleOf(other, alias));
    return raw(isSeen(other, read.meta) ? shownAs(alias, read) : 'null');
  }

  function shownAs(
    alias: string,
    { meta, isWhole }: { meta: FieldMeta; isWhole: boolean },
  ): string {
    const cut = isWhole ? null : cutShown(alias, meta);
    return (
      cut ??
      `${shown(alias, meta)}${query.hasTextTimestamps && meta.type === 'DateTime' && !meta.isList ? '::text' : ''}`
    );
  }

  /**
   * Looks a to-one relation's record up for each of the page, once; never by reading all there are.
   */
  function lookUp({ name, relation }: ResourceField, other: Other): string {
    const alias = `"r ${name}"`;
    if (!relation) return alias;
    const found = sql`select * from ${other.rows} r where ${raw(pairs(relation, 't', other, 'r'))} limit 1`;
    lookups.set(
      name,
      isDirect
        ? joined(other, alias, relation)
        : sql`left join lateral (${found}) ${raw(alias)} on true`,
    );
    return alias;
  }

  function titles({ relation }: ResourceField, other: Other): Sql {
    const [own] = idOf(model).map((name) => model.fields[name]?.column);
    const { view, rows: linked } = other;
    const [id] = view.model.idFields.map((name) => view.model.fields[name]?.column);
    if (!relation?.joinTable || !own || !id) return raw('null');
    const title = view.model.fields[view.titleField]?.column ?? id;
    const one = raw(`json_build_array(${keySql(view.model, 'r')}, ${titleOf(other, 'r')})`);
    const on = raw(`r.${id} = j.${relation.otherColumn} where j.${relation.ownColumn} = t.${own}`);
    const order = raw(`r.${title}, r.${id} limit ${limits.shown.cellLinks + 1}`);
    const some = sql`select ${one} as one from ${raw(relation.joinTable)} j join ${linked} r on ${on} order by ${order}`;
    return sql`(select json_agg(linked.one) from (${some}) linked)`;
  }
}

function modelsOf({ sort, reads }: Pick<PageQuery, 'sort' | 'reads'>): Set<string> {
  const through = [
    ...sort.map((key) => key.through),
    ...reads.map((read) => (read.kind === 'own' ? null : read.through)),
  ];
  return new Set(through.flatMap((field) => field?.relation?.model ?? []));
}

function isSeen({ view: { model, resource } }: Other, { name }: FieldMeta): boolean {
  return (
    resource === null ||
    model.idFields.includes(name) ||
    resource.fields.some((field) => field.meta.name === name)
  );
}

function titleOf({ view: { model, titleField } }: Other, alias: string): string {
  const column = model.fields[titleField]?.column;
  return column ? cutSql(`${alias}.${column}::text`, limits.shown.titleLength) : 'null';
}

/** Longer values of an order are in no address: such a page has numbers, no cursors. */
export const maxMarkLength = 1_000;

/**
 * What a cell shows of a value that may be of any size, of bytes how many; null: such a value is
 * never long.
 */
function cutShown(alias: string, meta: FieldMeta): string | null {
  const { column, type, isList } = meta;
  const isText = isLongText(meta);
  const cut = (value: string) =>
    type === 'Bytes'
      ? `octet_length(${value})`
      : isText
        ? cutSql(`${value}::text`, limits.shown.cellLength)
        : null;
  const whole = `${alias}.${column}`;
  if (!isList) return cut(whole);
  const one = cut('item.value');
  const some = `(${shown(alias, meta)})[1:${limits.shown.cellLength}]`;
  if (!one) return some;
  return `array(select ${one} from unnest((${whole})[1:${limits.shown.cellLength}]) with ordinality item(value, place) order by item.place)`;
}

// What Prisma's raw queries cannot read is read as text. Prisma's raw reads know neither an enum's
// list nor negative money, and put JSON through JavaScript's numbers.
function shown(alias: string, { column, kind, type, sqlType, isList }: FieldMeta): string {
  const isText = kind === 'unsupported' || type === 'Json' || (kind === 'enum' && isList);
  const cast = isText ? '::text' : sqlType?.startsWith('money') ? '::numeric' : '';
  return `${alias}.${column}${cast}${cast !== '' && isList ? '[]' : ''}`;
}

// Without lengths and precisions: a cursor's value is compared, never cut off.
function castOf({ sqlType }: FieldMeta): string {
  const base = (sqlType ?? 'text').replace(/\(.*?\)/, '');
  return { character: 'bpchar', bit: 'varbit' }[base] ?? base;
}
