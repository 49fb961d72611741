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
  return sql`jsonb_build_object(${raw(escapeLiteral(columnsKey))}, ${columnLists(columns, order)})`;
}

function columnLists(columns: readonly ImageColumn[], order: Sql): Sql {
  const lists = columns.map(([name, value, isList]) =>
    isList
      ? sql`${raw(escapeLiteral(name))}, jsonb_agg(${value} order by ${order})`
      : sql`${raw(escapeLiteral(name))}, to_jsonb(array_agg(${value} order by ${order}))`,
  );
  return join(inObjects(lists), ' || ');
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
type ImageSide = (typeof sides)[number];
const place = '(listed.place::int - 1)';

/**
 * SQL of records of a change with their images, laterally to its row: `entry (key, before, after)`.
 * `fields`: the names of what its images have, where these are known; `among`: SQL of an array of the
 * keys that are asked for, where not all are.
 */
export function entriesOf(change: string, fields: readonly string[] | null, among?: Sql): Sql {
  const images = sides.map((side) => {
    const values = fields?.map(
      (name, at) => `${escapeLiteral(name)}, read.${side}_${at} -> ${place}`,
    );
    const image = values ? objectOf(values) || 'null' : `${side}_images.image`;
    return `case read.${side} when 'list' then read.${side}_whole -> ${place} when 'columns' then ${image} else read.${side}_whole end as ${side}`;
  });
  // Each record would read through all columns.
  const joined = fields
    ? []
    : sides.map(
        (side) =>
          ` left join (select place, jsonb_object_agg(of_field.key, one.value) as image from jsonb_each(read.${side}_columns) of_field
            cross join jsonb_array_elements(of_field.value) with ordinality as one(value, place) group by place) ${side}_images using (place)`,
      );
  const asked = among ? sql` where key in (select unnest(${among}))` : empty;
  return sql`${readOut(change, fields)}
      cross join lateral (
        select key, ${raw(`${images.join(', ')} from unnest(${change}.keys)`)} with ordinality as listed(key, place)${raw(joined.join(''))}${asked} offset 0
      ) entry`;
}

/** A value in the images of a change, as a column: JSON, or the text of it as a type. */
export interface ValueAsked {
  as: string;
  side: ImageSide;
  name: string;
  type: string | null;
}

/**
 * SQL of records of a change with values of their images, laterally to its row: `entry`, of place,
 * key, id and the values. No object is made for a record, which is most of the work of `entriesOf`.
 */
export function valuesOf(
  change: string,
  asked: readonly ValueAsked[],
  { keys, ids }: { keys: string; ids: string },
): Sql {
  const names = [...new Set(asked.map(({ name }) => name))];
  const values = asked.map(({ as, side, name, type }) => {
    const last = type === null ? '->' : '->>';
    const literal = escapeLiteral(name);
    const value = `case read.${side} when 'list' then read.${side}_whole -> ${place} ${last} ${literal}
          when 'columns' then read.${side}_${names.indexOf(name)} ${last} ${place} else read.${side}_whole ${last} ${literal} end`;
    return `, ${type === null ? value : `(${value})::${type}`} as ${as}`;
  });
  return sql`${readOut(change, names)}
      cross join lateral (
        select listed.place, key, asked.id${raw(`${values.join('')} from unnest(${change}.keys)`)} with ordinality as listed(key, place)
        join ${raw(`unnest(${keys}, ${ids})`)} as asked(key, id) using (key) offset 0
      ) entry`;
}

/** Read out once for the row: each use would fetch anew what is kept beside it. */
function readOut(change: string, fields: readonly string[] | null): Sql {
  const kept = sides.map((side) => `${change}.${side} #> '{}' as ${side}`);
  const read = sides.flatMap((side) => {
    const whole = `kept.${side}`;
    return [
      `case when jsonb_typeof(${whole}) = 'array' then 'list' when jsonb_exists(${whole}, '${columnsKey}') then 'columns' else 'same' end as ${side}`,
      `case when jsonb_typeof(${whole}) = 'array' then ${whole} else ${whole} - '${columnsKey}' end as ${side}_whole`,
      ...(fields?.map(
        (name, at) => `${whole} #> array['${columnsKey}', ${escapeLiteral(name)}] as ${side}_${at}`,
      ) ?? [`${whole} -> '${columnsKey}' as ${side}_columns`]),
    ];
  });
  return raw(`cross join lateral (select ${kept.join(', ')} offset 0) kept
      cross join lateral (select ${read.join(', ')} offset 0) read`);
}

/**
 * SQL of a side of a change as it is kept of some of its records alone. That of all of them is taken
 * as it stands. `places`: theirs, sorted, which count from 1; `columns`: their values in rows of `rows`,
 * by `place`. What the side has beside these columns is taken over, too.
 */
export function sideOfSome(
  change: string,
  side: ImageSide,
  places: string,
  rows: string,
  columns: readonly ImageColumn[],
): Sql {
  const kept = raw(`${change}.${side}`);
  const some = (list: string) =>
    raw(`(select jsonb_agg(${list} -> (at - 1) order by at) from unnest(${places}) at)`);
  const known = columns.map(([name]) => name);
  const values = columns.length === 0 ? raw(`'{}'`) : columnLists(columns, raw('place'));
  return sql`case when ${raw(`cardinality(${places}) = cardinality(${change}.keys)`)} then ${kept} else (
      select case when jsonb_typeof(whole) = 'array' then ${some('whole')} when jsonb_exists(whole, ${columnsKey}::text)
        then jsonb_build_object(${columnsKey}::text, (select ${values} from ${raw(rows)})
          || coalesce((select jsonb_object_agg(beside.key, ${some('beside.value')}) from jsonb_each((whole -> ${columnsKey}::text) - ${known}::text[]) beside), '{}'))
        else whole end from (select ${kept} #> '{}' as whole offset 0) kept) end`;
}
