import { join, query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyColumns } from '../../metadata/keys.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import type { ApplyTarget } from '../contract.ts';
import { toText } from '../journal/row-values.ts';
import { keysOf, type Passing } from '../rules/passing.ts';

/** Writes what hooks set: one statement for every set of fields. */
export async function writeGiven(
  client: Queryable,
  { resource }: ApplyTarget,
  items: readonly Passing[],
): Promise<void> {
  const { model } = resource;
  const groups = new Map<string, Passing[]>();
  for (const item of items) {
    const names = Object.keys(item.given).sort().join(' ');
    groups.set(names, [...(groups.get(names) ?? []), item]);
  }
  for (const [names, group] of groups) {
    const fields = names.split(' ').map((name) => fieldOf(model, name));
    const ids = keyColumns(model, keysOf(group));
    const texts = fields.map((field) => group.map(({ given }) => toText(field, given[field.name])));
    const lists = [...ids.map(({ values }) => values), ...texts].map(
      (list) => sql`${list}::text[]`,
    );
    const columns = [
      ...ids.map((_, index) => `k${index}`),
      ...fields.map((_, index) => `c${index}`),
    ];
    const assignments = fields.map(
      (field, index) => `${field.column} = ${givenSql(field, `v.c${index}`)}`,
    );
    const isSame = ids.map(({ column, sqlType }, index) => `t.${column} = v.k${index}::${sqlType}`);
    await query(
      client,
      sql`update ${raw(model.table)} t set ${raw(assignments.join(', '))}
       from unnest(${join(lists)})
         as v(${raw(columns.join(', '))})
       where ${raw(isSame.join(' and '))}`,
    );
  }
}

function givenSql(field: FieldMeta, text: string): string {
  if (!field.isList) return `${text}::${field.sqlType}`;
  return `array(select jsonb_array_elements_text(${text}::jsonb))::${field.sqlType}`;
}
