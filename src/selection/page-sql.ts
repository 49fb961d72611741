import type { Principal } from '../auth/principal.ts';
import type { FieldMeta, RelationMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import type { Register, Resource, ResourceField } from '../resources/contract.ts';
import type { Statement } from '../resources/where-sql.ts';
import { type OrderKey, type Place, piecesOf } from './keyset.ts';
import { idOf, reselect } from './matching-sql.ts';
import { mostTitles, type Read } from './page-reads.ts';
import { type RelatedView, relatedView } from './related-view.ts';
import type { SortKey } from './sort.ts';

export interface PageQuery {
  register: Register;
  resource: Resource;
  principal: Principal;
  /** Reads the ids of the records that match, as `register.whereSql` says it. */
  matching: Statement;
  sort: readonly SortKey[];
  reads: readonly Read[];
  place: Place;
  offset: number;
  limit: number;
}

/** Names of the statement's columns, by the place of a read or of an order's key. */
export const pageColumns = {
  key: '#key',
  read: (index: number) => `#${index}`,
  order: (index: number) => `#o${index}`,
};

/** Something to join: the related records that the principal may see. */
interface Other {
  view: RelatedView;
  sql: string;
}

/**
 * One statement for a page of a list: records with their related titles, and the texts of a cursor at each of them. The page is
 * cut out first, so that titles are looked up for its records only.
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
  const marks = keys.map(({ sql }, index) => `, ${sql}::text as "${pageColumns.order(index)}"`).join('');
  const from = `from (${reselect(model, query.matching.text, '*')}) t ${[...sortJoins].join(' ')}`;
  const pieces = piecesOf(keys, query.place, bind).map(({ conditions, orderBy }) => {
    const where = conditions.length > 0 ? ` where ${conditions.join(' and ')}` : '';
    const by = orderBy === '' ? '' : ` order by ${orderBy}`;
    return `(select t.*${marks} ${from}${where}${by} limit ${limit}::bigint + ${offset}::bigint)`;
  });
  const cut = `select * from (${pieces.join(' union all ')}) pieces offset ${offset}::bigint limit ${limit}::bigint`;
  const lookups = new Map<string, string>();
  const columns = [
    `${model.idFields.length > 0 ? keySql(model, 'p') : `''`} as "${pageColumns.key}"`,
    ...keys.map((_, index) => `p."${pageColumns.order(index)}"`),
    ...query.reads.map((read, index) => `${readSql(read)} as "${pageColumns.read(index)}"`),
  ];
  const numbered = `select cut.*, row_number() over () as "#n" from (${cut}) cut`;
  const text = `select ${columns.join(', ')} from (${numbered}) p ${[...lookups.values()].join(' ')} order by p."#n"`;
  return { text, values };

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
    if (other && through?.relation) sortJoins.add(joined(through.relation, 't', other, alias));
    return { sql: `${alias}.${meta.column}`, type: castOf(meta), isDescending, isNullable: through !== null || !meta.isRequired };
  }

  function joined(relation: RelationMeta, from: string, { view, sql }: Other, alias: string): string {
    const pairs = relation.fromFields.map((name, index) => {
      const far = view.model.fields[relation.toFields[index] ?? '']?.column;
      return `${alias}.${far} = ${from}.${model.fields[name]?.column}`;
    });
    return `left join ${sql} ${alias} on ${pairs.join(' and ')}`;
  }

  function readSql(read: Read): string {
    if (read.kind === 'own') return shown('p', read.meta);
    const other = read.through.relation && others.get(read.through.relation.model);
    if (!other) return 'null';
    if (read.kind === 'path') return isSeen(other, read.field) ? shown(lookUp(read.through, other), read.field.meta) : 'null';
    if (read.through.relation?.kind === 'to-one') return named(other, lookUp(read.through, other));
    return titles(read.through, other);
  }

  /** Joins a to-one relation's record to those of the page, once. */
  function lookUp({ name, relation }: ResourceField, other: Other): string {
    const alias = `"r ${name}"`;
    if (relation) lookups.set(name, joined(relation, 'p', other, alias));
    return alias;
  }

  function titles({ relation }: ResourceField, other: Other): string {
    const [own] = idOf(model).map((name) => model.fields[name]?.column);
    const { view, sql } = other;
    const [id] = view.model.idFields.map((name) => view.model.fields[name]?.column);
    if (!relation?.joinTable || !own || !id) return 'null';
    const title = view.model.fields[view.titleField]?.column ?? id;
    const some = `select ${named(other, 'r')} as one from ${relation.joinTable} j join ${sql} r on r.${id} = j.${relation.otherColumn} where j.${relation.ownColumn} = p.${own} order by r.${title}, r.${id} limit ${mostTitles + 1}`;
    return `(select json_agg(some.one) from (${some}) some)`;
  }
}

function modelsOf({ sort, reads }: Pick<PageQuery, 'sort' | 'reads'>): Set<string> {
  const through = [...sort.map((key) => key.through), ...reads.map((read) => (read.kind === 'own' ? null : read.through))];
  return new Set(through.flatMap((field) => field?.relation?.model ?? []));
}

function isSeen({ view }: Other, { name }: ResourceField): boolean {
  return view.resource === null || view.resource.fields.some((field) => field.name === name);
}

/** A related record as JSON: its key and its title. Null where there is none. */
function named({ view: { model, titleField } }: Other, alias: string): string {
  const [id] = model.idFields.map((name) => `${alias}.${model.fields[name]?.column}`);
  const title = model.fields[titleField]?.column;
  const label = title ? `${alias}.${title}::text` : 'null';
  return id ? `case when ${id} is not null then json_build_array(${keySql(model, alias)}, ${label}) end` : 'null';
}

// What Prisma's raw queries cannot read is read as text.
function shown(alias: string, { column, kind, isList }: FieldMeta): string {
  const cast = kind === 'enum' || kind === 'unsupported' ? `::text${isList ? '[]' : ''}` : '';
  return `${alias}.${column}${cast}`;
}

// Without lengths and precisions: a cursor's value is compared, never cut off.
function castOf({ sqlType }: FieldMeta): string {
  const base = (sqlType ?? 'text').replace(/\(.*?\)/, '');
  return { character: 'bpchar', bit: 'varbit' }[base] ?? base;
}
