import { keyColumns } from '../metadata/keys.ts';
import type { ModelMeta } from '../metadata/contract.ts';

/** SQL that makes a row's key, in the very form of `keyOf`. */
export function keySql(model: ModelMeta, alias: string): string {
  const parts = model.idFields.map((name) => partSql(model, name, alias));
  if (parts.length === 1) return parts[0] as string;
  return `('[' || ${parts.map((part) => `to_json(${part})::text`).join(` || ',' || `)} || ']')`;
}

function partSql(model: ModelMeta, name: string, alias: string): string {
  const field = model.fields[name];
  if (!field?.column) throw new Error(`${model.name}.${name} has no column`);
  const column = `${alias}.${field.column}`;
  if (field.type === 'Int' || field.type === 'BigInt') {
    return `(case when ${column} >= 0 then lpad(${column}::text, 20, '0') else '-' || lpad((10000000000000000000 + ${column}::numeric)::text, 19, '0') end)`;
  }
  return `${column}::text`;
}

/** A condition that holds for the rows of `keys`, with its values; the first is parameter number `first`. */
export function keyCondition(model: ModelMeta, alias: string, keys: readonly string[], first: number): { sql: string; values: unknown[] } {
  const columns = keyColumns(model, keys);
  const values = columns.map((column) => column.values);
  const parameters = columns.map((column, index) => `$${first + index}::${column.sqlType}[]`);
  if (columns.length === 1) return { sql: `${alias}.${columns[0]?.column} = any(${parameters[0]})`, values };
  const names = columns.map((column) => `${alias}.${column.column}`).join(', ');
  return { sql: `(${names}) in (select * from unnest(${parameters.join(', ')}))`, values };
}
