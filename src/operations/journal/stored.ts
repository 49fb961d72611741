import { raw, type Sql, sql } from '../../db/sql.ts';
import type { FieldMeta } from '../../metadata/contract.ts';

/** Types whose values are stored alike when the database finds them equal. */
const plainTypes =
  /^(smallint|integer|bigint|oid|boolean|uuid|date|timestamp|timestamptz|time|bytea|inet|bit|varbit|money)(\(|$)/;
const textTypes = /^(text|varchar|character|bpchar|(?:[^.]+\.)?citext|xml|json)(\(|$)/;

/**
 * SQL that is true where two values would be stored as different ones, to the byte. The database's
 * own equality knows collations and types that find `a` and `A`, 1.0 and 1.00, 0 and -0 equal.
 * `value` is cast as the column will hold it.
 */
export function differsAsStored(field: FieldMeta, column: string, value: Sql): Sql {
  const stored = raw(column);
  const type = field.sqlType ?? 'text';
  if (!field.isList && textTypes.test(type))
    return sql`(${stored})::text collate "C" is distinct from (${value})::text collate "C"`;
  if (field.kind === 'enum' && !field.isList) return sql`${stored} is distinct from (${value})`;
  if (!field.isList && plainTypes.test(type)) return sql`${stored} is distinct from (${value})`;
  const whole = raw(unlimited(type));
  return sql`row((${stored})::${whole})::record *<> row((${value})::${raw(type)}::${whole})::record`;
}

/** Without lengths and places, which a cast would cut a value to that the column holds. */
function unlimited(type: string): string {
  return type.startsWith('"') ? type : type.replace(/\(.*?\)/, '');
}

/** SQL of JSON as text: JSON finds 1.0 and 1.00 equal. */
export function jsonToTheLetter(sql: string): string {
  return `(${sql})::text collate "C"`;
}
