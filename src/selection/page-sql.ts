import type { Principal } from '../auth/principal.ts';
import type { FieldMeta, RelationMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import type { Register, Resource, ResourceField } from '../resources/contract.ts';
import type { Statement } from '../resources/where-sql.ts';
import { type OrderKey, orderText, type Piece, type Place, piecesOf } from './keyset.ts';
import { cutSql, isLongText } from './cut.ts';
import { idOf, reselect } from './matching-sql.ts';
import type { Read } from './page-reads.ts';
import { type RelatedView, relatedView } from './related-view.ts';
import type { SortKey } from './sort.ts';
import { limits } from '../limits.ts';

export interface PageQuery {
  register: Register;
  resource: Resource;
  principal: Principal;
  /** Reads the ids of the records that match, as `register.whereSql` says it. */
  matching: Statement;
  sort: readonly SortKey[];
  reads: readonly Read[];
  /** Everything matches: there is no filter and no scope. */
  isWhole: boolean;
  place: Place;
  offset: number;
  limit: number;
  /** Moments as text, where JavaScript has none for one of them. */
  hasTextMoments?: boolean;
}

function where({ conditions }: Piece): string {
  return conditions.length > 0 ? ` where ${conditions.join(' and ')}` : '';
}

function by(order: string): string {
  return order === '' ? '' : ` order by ${order}`;
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
  sql: string;
}

/**
 * One statement for a page of a list: records with their related titles, and the texts of a cursor at each of them.
 */
export async function pageStatement({ register, resource, principal, ...query }: PageQuery): Promise<Statement> {
  const { model } = resource;
  const values = [...query.matching.values];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const others = new Map<string, Other | null>();
  for (const name of modelsOf(query)) others.set(name, await findOther(name));
  const sortJoins = new Set<string>();
  const keys = query.sort.map(orderKey);
  const limit = bind(query.limit);
  const offset = bind(query.offset);
  const pieces = piecesOf(keys, query.place, bind);
  const isDirect = query.isWhole && pieces.length === 1;
  const rows = `(${reselect(model, query.matching.text, '*')}) t ${[...sortJoins].join(' ')}`;
  const lookups = new Map<string, string>();
  const marks = keys.map(({ sql }, index) => `left(${sql}::text, ${longestMark + 1}) as "${pageColumns.order(index)}"`);
  const read = query.reads.map((one, index) => `${readSql(one)} as "${pageColumns.read(index)}"`);
  const part = `offset ${offset}::bigint limit ${limit}::bigint`;
  return { text: isDirect ? direct(pieces[0] as Piece) : cutFirst(), values };

  /** Of everything, rows come from an index one by one, and so do what they lead to. */
  function direct(piece: Piece): string {
    const from = [rows, ...lookups.values()].join(' ');
    return `select ${[...marks, ...read].join(', ')} from ${from}${where(piece)}${by(piece.orderBy)} ${part}`;
  }

  /** What matches a filter may have to be sorted: what the rows lead to is looked up when the page is cut out. */
  function cutFirst(): string {
    const kept = keys.map((key, index) => ({ ...key, sql: `t."#s${index}"` }));
    const inner = ['t.*', ...marks, ...keys.map(({ sql }, index) => `${sql} as "#s${index}"`)].join(', ');
    const each = pieces.map((piece) => `select ${inner} from ${rows}${where(piece)}${by(piece.orderBy)}`);
    // Pieces are read one after the other, as far as the page goes.
    const all = each.map((text) => `(${text} limit ${limit}::bigint + ${offset}::bigint)`).join(' union all ');
    const cut = each.length === 1 ? `${each[0]} ${part}` : `select * from (${all}) pieces ${part}`;
    const outer = [...keys.map((_, index) => `t."${pageColumns.order(index)}"`), ...read].join(', ');
    // The cut is in this order already, which the planner knows.
    return `select ${outer} from (${cut}) t ${[...lookups.values()].join(' ')}${by(orderText(kept, query.place.direction))}`;
  }

  async function findOther(modelName: string): Promise<Other | null> {
    const view = relatedView(register, resource, principal, modelName);
    if (!view?.where) return view && { view, sql: view.model.table };
    const { text: ids, values: given } = await register.whereSql(view.model, view.where, idOf(view.model));
    const before = values.length;
    values.push(...given);
    const renumbered = ids.replace(/\$(\d+)/g, (_, number: string) => `$${before + Number(number)}`);
    return { view, sql: `(${reselect(view.model, renumbered, '*')})` };
  }

  function orderKey({ meta, through, isDescending }: SortKey): OrderKey {
    const other = through?.relation && others.get(through.relation.model);
    const alias = through ? `"s ${through.name}"` : 't';
    if (other && through?.relation) sortJoins.add(`left join ${other.sql} ${alias} on ${pairs(through.relation, 't', other, alias)}`);
    return { sql: `${alias}.${meta.column}`, type: castOf(meta), isDescending, isNullable: through !== null || !meta.isRequired };
  }

  function pairs(relation: RelationMeta, from: string, { view }: Other, alias: string): string {
    const equal = relation.fromFields.map((name, index) => {
      const far = view.model.fields[relation.toFields[index] ?? '']?.column;
      return `${alias}.${far} = ${from}.${model.fields[name]?.column}`;
    });
    return equal.join(' and ');
  }

  function readSql(read: Read): string {
    if (read.kind === 'own') return shownAs('t', read);
    const other = read.through.relation && others.get(read.through.relation.model);
    if (!other) return 'null';
    if (read.kind === 'titles') return titles(read.through, other);
    const alias = lookUp(read.through, other);
    if (read.kind === 'title') return titleOf(other, alias);
    return isSeen(other, read.meta) ? shownAs(alias, read) : 'null';
  }

  function shownAs(alias: string, { meta, isWhole }: { meta: FieldMeta; isWhole: boolean }): string {
    const cut = isWhole ? null : cutShown(alias, meta);
    return cut ?? `${shown(alias, meta)}${query.hasTextMoments && meta.type === 'DateTime' && !meta.isList ? '::text' : ''}`;
  }

  /** Looks a to-one relation's record up for each of the page, once; never by reading all there are. */
  function lookUp({ name, relation }: ResourceField, other: Other): string {
    const alias = `"r ${name}"`;
    if (!relation) return alias;
    const found = `select * from ${other.sql} r where ${pairs(relation, 't', other, 'r')} limit 1`;
    const join = `left join ${other.sql} ${alias} on ${pairs(relation, 't', other, alias)}`;
    lookups.set(name, isDirect ? join : `left join lateral (${found}) ${alias} on true`);
    return alias;
  }

  function titles({ relation }: ResourceField, other: Other): string {
    const [own] = idOf(model).map((name) => model.fields[name]?.column);
    const { view, sql } = other;
    const [id] = view.model.idFields.map((name) => view.model.fields[name]?.column);
    if (!relation?.joinTable || !own || !id) return 'null';
    const title = view.model.fields[view.titleField]?.column ?? id;
    const some = `select json_build_array(${keySql(view.model, 'r')}, ${titleOf(other, 'r')}) as one from ${relation.joinTable} j join ${sql} r on r.${id} = j.${relation.otherColumn} where j.${relation.ownColumn} = t.${own} order by r.${title}, r.${id} limit ${limits.shown.cellLinks + 1}`;
    return `(select json_agg(linked.one) from (${some}) linked)`;
  }
}

function modelsOf({ sort, reads }: Pick<PageQuery, 'sort' | 'reads'>): Set<string> {
  const through = [...sort.map((key) => key.through), ...reads.map((read) => (read.kind === 'own' ? null : read.through))];
  return new Set(through.flatMap((field) => field?.relation?.model ?? []));
}

function isSeen({ view: { model, resource } }: Other, { name }: FieldMeta): boolean {
  return resource === null || model.idFields.includes(name) || resource.fields.some((field) => field.meta.name === name);
}

function titleOf({ view: { model, titleField } }: Other, alias: string): string {
  const column = model.fields[titleField]?.column;
  return column ? cutSql(`${alias}.${column}::text`, limits.shown.titleLength) : 'null';
}

/** Longer values of an order are in no address: such a page has numbers, no cursors. */
export const longestMark = 1_000;

/** What a cell shows of a value that may be of any size, of bytes how many; null: such a value is never long. */
function cutShown(alias: string, meta: FieldMeta): string | null {
  const { column, type, isList } = meta;
  const isText = isLongText(meta);
  const cut = (value: string) =>
    type === 'Bytes' ? `octet_length(${value})` : isText ? cutSql(`${value}::text`, limits.shown.cellLength) : null;
  const whole = `${alias}.${column}`;
  if (!isList) return cut(whole);
  const one = cut('item.value');
  const some = `(${shown(alias, meta)})[1:${limits.shown.cellLength}]`;
  if (!one) return some;
  return `array(select ${one} from unnest((${whole})[1:${limits.shown.cellLength}]) with ordinality item(value, place) order by item.place)`;
}

// What Prisma's raw queries cannot read is read as text.
// Prisma's raw reads know neither an enum's list nor negative money, and put JSON through JavaScript's numbers.
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
