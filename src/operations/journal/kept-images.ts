import { escapeLiteral } from 'pg';
import { empty, join, raw, type Sql, sql } from '../../db/sql.ts';
import type { ApplyTarget } from '../contract.ts';
import { inParts, objectOf } from './images.ts';

/**
 * The two sides of a change keep the images of its records in one of three forms: a list with one
 * for each, in the order of its keys; by column, a list of values for each field; or one image that
 * is the same for all. No field of Prisma's has such a name.
 */
const columnsKey = '*columns';

/** The values of a field in the rows that are gathered, as SQL; whether each is a list. */
export type ImageColumn = readonly [name: string, value: Sql, isList: boolean];

/** SQL that gathers rows to one side of a change. */
export function gathered(
  { keepsByColumn = false }: Pick<ApplyTarget, 'keepsByColumn'>,
  columns: readonly ImageColumn[],
  order: Sql,
): Sql {
  if (keepsByColumn) return byColumn(columns, order);
  const values = columns.map(([name, value]) => sql`${raw(escapeLiteral(name))}, ${value}`);
  return sql`jsonb_agg(${join(inObjects(values), ' || ')} order by ${order})`;
}

/**
 * A fifth of the work of an image a row. An array takes half as long as JSON made value by value, but
 * has no room for lists of several lengths.
 */
export function byColumn(columns: readonly ImageColumn[], order: Sql): Sql {
  const lists = columns.map(([name, value, isList]) =>
    isList
      ? sql`${raw(escapeLiteral(name))}, jsonb_agg(${value} order by ${order})`
      : sql`${raw(escapeLiteral(name))}, to_jsonb(array_agg(${value} order by ${order}))`,
  );
  return sql`jsonb_build_object(${raw(escapeLiteral(columnsKey))}, ${join(inObjects(lists), ' || ')})`;
}

function inObjects(pairs: readonly Sql[]): Sql[] {
  return inParts(pairs).map((part) => sql`jsonb_build_object(${join(part)})`);
}

/** SQL of the image of one record among those of a side; a place counts from 0. */
export function imageAt(side: string, place: string): string {
  return `case jsonb_typeof(${side}) when 'array' then ${side} -> ${place}
    else (${side} - '${columnsKey}') || coalesce((select jsonb_object_agg(of_field.key, of_field.value -> ${place}) from jsonb_each(${side} -> '${columnsKey}') of_field), '{}') end`;
}

const sides = ['before', 'after'] as const;
const place = '(listed.place::int - 1)';

/**
 * SQL of records of a change with their images, laterally to its row: `entry (key, before, after)`.
 * `fields`: the names of what its images have, where these are known; `among`: SQL of an array of the
 * keys that are asked for, where not all are.
 */
export function entriesOf(change: string, fields: readonly string[] | null, among?: Sql): Sql {
  // Read out once for the row: each record would fetch anew what is kept beside it.
  const read = sides.flatMap((side) => {
    const column = `${change}.${side}`;
    const columns = `${column} -> '${columnsKey}'`;
    return [
      `case when jsonb_typeof(${column}) = 'array' then 'list' when jsonb_exists(${column}, '${columnsKey}') then 'columns' else 'same' end as ${side}`,
      `case when jsonb_typeof(${column}) = 'array' then ${column} || '[]' else ${column} - '${columnsKey}' end as ${side}_whole`,
      ...(fields?.map((name, at) => `${columns} -> ${escapeLiteral(name)} as ${side}_${at}`) ?? [
        `${columns} as ${side}_columns`,
      ]),
    ];
  });
  const images = sides.map((side) => {
    const values = fields?.map(
      (name, at) => `${escapeLiteral(name)}, read.${side}_${at} -> ${place}`,
    );
    const image = values
      ? objectOf(values) || 'null'
      : `(select jsonb_object_agg(of_field.key, of_field.value -> ${place}) from jsonb_each(read.${side}_columns) of_field)`;
    return `case read.${side} when 'list' then read.${side}_whole -> ${place} when 'columns' then ${image} else read.${side}_whole end as ${side}`;
  });
  const asked = among ? sql` where key in (select unnest(${among}))` : empty;
  return sql`cross join lateral (select ${raw(read.join(', '))} offset 0) read
      cross join lateral (
        select key, ${raw(`${images.join(', ')} from unnest(${change}.keys)`)} with ordinality as listed(key, place)${asked} offset 0
      ) entry`;
}
