import { escapeLiteral } from 'pg';
import { join, raw, type Sql, sql } from '../../db/sql.ts';

/**
 * The two sides of a change keep the images of its records in one of three forms: a list with one
 * for each, in the order of its keys; by column, a list of values for each field; or one image that
 * is the same for all. No field of Prisma's has such a name.
 */
const columnsKey = '*columns';

/** Values by field, each as SQL over the rows that are gathered, for one statement's rows. */
export type ImageColumns = readonly (readonly [name: string, value: Sql])[];

/** SQL that gathers rows to one side of a change, by column: a tenth of the work of an image a row. */
export function byColumn(columns: ImageColumns, order: Sql): Sql {
  const lists = columns.map(
    ([name, value]) => sql`${raw(escapeLiteral(name))}, jsonb_agg(${value} order by ${order})`,
  );
  // A function takes at most 100 arguments.
  const parts = Array.from({ length: Math.ceil(lists.length / 50) }, (_, index) =>
    lists.slice(index * 50, index * 50 + 50),
  );
  const objects = parts.map((part) => sql`jsonb_build_object(${join(part)})`);
  return sql`jsonb_build_object(${raw(escapeLiteral(columnsKey))}, ${join(objects, ' || ')})`;
}

/** SQL of the image of one record among those of a side; a place counts from 0. */
export function imageAt(side: string, place: string): string {
  return `case jsonb_typeof(${side}) when 'array' then ${side} -> ${place}
    else (${side} - '${columnsKey}') || coalesce((select jsonb_object_agg(of_field.key, of_field.value -> ${place}) from jsonb_each(${side} -> '${columnsKey}') of_field), '{}') end`;
}

/**
 * SQL of all records of a change with their images, laterally to its row: `entry (key, before,
 * after)`. `fields`: those that it is of, where it is one of values.
 */
export function entriesOf(change: string, fields: readonly string[]): string {
  const sides = ['before', 'after'] as const;
  const lists = sides.map((side) => [
    `jsonb_array_elements(case when jsonb_typeof(${change}.${side}) = 'array' then ${change}.${side} end)`,
    ...fields.map(
      (name) =>
        `jsonb_array_elements(${change}.${side} -> '${columnsKey}' -> ${escapeLiteral(name)})`,
    ),
  ]);
  const names = sides.map((side) => [
    `${side}_list`,
    ...fields.map((_, index) => `${side}_${index}`),
  ]);
  const forms = sides.map(
    (side) =>
      `case when jsonb_typeof(${change}.${side}) = 'array' then 'list' when jsonb_exists(${change}.${side}, '${columnsKey}') then 'columns' else 'same' end as ${side}`,
  );
  const images = sides.map((side) => {
    const values = fields.map((name, index) => `${escapeLiteral(name)}, ${side}_${index}`);
    return `case form.${side} when 'list' then ${side}_list when 'columns' then ${objectOf(values)} else ${change}.${side} end as ${side}`;
  });
  return `cross join lateral (select ${forms.join(', ')} offset 0) form
      cross join lateral (
        select key, ${images.join(', ')}
        from rows from (unnest(${change}.keys), ${lists.flat().join(', ')}) as listed(key, ${names.flat().join(', ')})
      ) entry`;
}

/** The same where nothing is known of the fields; for changes of few records. */
export function anyEntriesOf(change: string): string {
  const place = '(listed.place::int - 1)';
  return `cross join lateral (
        select key, ${imageAt(`${change}.before`, place)} as before, ${imageAt(`${change}.after`, place)} as after
        from unnest(${change}.keys) with ordinality as listed(key, place)
      ) entry`;
}

function objectOf(values: readonly string[]): string {
  const parts = Array.from({ length: Math.ceil(values.length / 50) }, (_, index) =>
    values.slice(index * 50, index * 50 + 50),
  );
  return parts.map((part) => `jsonb_build_object(${part.join(', ')})`).join(' || ') || 'null';
}
