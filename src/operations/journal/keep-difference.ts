import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import type { ApplyTarget } from '../contract.ts';
import { journal } from '../journal-kind.ts';
import { insertChange } from './journal-entry.ts';
import { imageSql, type Row } from './row-values.ts';
import { jsonToTheLetter } from './stored.ts';

export interface Differing {
  key: string;
  /** Names of the fields, sorted. */
  fields: string[];
}

/**
 * Looks at rows again after they were written, by whomever, and keeps before and after of exactly
 * the columns that differ: one change for every set of columns. Returns the rows that differ, and
 * in what.
 */
export async function keepDifference(
  client: Queryable,
  target: Pick<ApplyTarget, 'resource' | 't' | 'author'>,
  rows: readonly Pick<Row, 'key' | 'image'>[],
  links: readonly FieldMeta[],
): Promise<Differing[]> {
  const { model } = target.resource;
  const keys = rows.map(({ key }) => key);
  const images = rows.map(({ image }) => image);
  const change = insertChange(target, {
    kind: journal.changed,
    fields: raw('fields'),
    keys: raw('array_agg(key order by key)'),
    firstKey: raw('min(key)'),
    before: raw('jsonb_agg(before order by key)'),
    after: raw('jsonb_agg(after order by key)'),
  });
  const now = raw(
    `${keySql(model, 't')} collate "C" as key, ${imageSql(model, 't', links)} as image from ${model.table} t`,
  );
  const isAltered = raw(
    `${jsonToTheLetter('field.value')} is distinct from ${jsonToTheLetter('was.image::jsonb -> field.key')}`,
  );
  const { rows: found } = await query<Differing>(
    client,
    sql`with was as (
       select key, image from unnest(${keys}::text[], ${images}::text[]) as given(key, image)
     ), now_there as (
       select ${now} where ${keyCondition(model, 't', keys)}
     ), differing as (
       select now_there.key, array_agg(field.key order by field.key) as fields,
         jsonb_object_agg(field.key, was.image::jsonb -> field.key) as before, jsonb_object_agg(field.key, field.value) as after
       from now_there join was using (key) cross join lateral jsonb_each(now_there.image) as field
       where ${isAltered}
       group by now_there.key
     ), journal as (${change} from differing group by fields)
     select key, to_json(fields) as fields from differing order by key`,
  );
  return found;
}
