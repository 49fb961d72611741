import type { Queryable } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { insertChange } from './journal-entry.ts';
import type { ApplyTarget } from '../contract.ts';
import { journal } from '../journal-kind.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { imageSql, type Row } from './row-values.ts';
import { jsonToTheLetter } from './stored.ts';

export interface Differing {
  key: string;
  /** Names of the fields, sorted. */
  fields: string[];
}

/**
 * Looks at rows again after they were written, by whomever, and keeps before and after of exactly the columns that differ:
 * one change for every set of columns. Returns the rows that differ, and in what.
 */
export async function keepDifference(
  sql: Queryable,
  target: Pick<ApplyTarget, 'resource' | 't' | 'author'>,
  rows: readonly Pick<Row, 'key' | 'image'>[],
  links: readonly FieldMeta[],
): Promise<Differing[]> {
  const { model } = target.resource;
  const keys = rows.map(({ key }) => key);
  const condition = keyCondition(model, 't', keys, 3);
  const values: unknown[] = [keys, rows.map(({ image }) => image), ...condition.values];
  const change = insertChange(target, (value) => `$${values.push(value)}`, {
    kind: journal.changed,
    fields: 'fields',
    keys: 'array_agg(key order by key)',
    firstKey: 'min(key)',
    before: 'jsonb_agg(before order by key)',
    after: 'jsonb_agg(after order by key)',
  });
  const { rows: found } = await sql.query<Differing>(
    `with was as (
       select key, image from unnest($1::text[], $2::text[]) as given(key, image)
     ), now_there as (
       select ${keySql(model, 't')} collate "C" as key, ${imageSql(model, 't', links)} as image from ${model.table} t where ${condition.sql}
     ), differing as (
       select now_there.key, array_agg(field.key order by field.key) as fields,
         jsonb_object_agg(field.key, was.image::jsonb -> field.key) as before, jsonb_object_agg(field.key, field.value) as after
       from now_there join was using (key) cross join lateral jsonb_each(now_there.image) as field
       where ${jsonToTheLetter('field.value')} is distinct from ${jsonToTheLetter('was.image::jsonb -> field.key')}
       group by now_there.key
     ), kept as (${change} from differing group by fields)
     select key, to_json(fields) as fields from differing order by key`,
    values,
  );
  return found;
}
