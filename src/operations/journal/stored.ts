import { raw, sql, type Sql } from '../../db/sql.ts';
import type { FieldMeta } from '../../metadata/contract.ts';

/** Types whose values are stored alike when the database finds them equal. */
const plainTypes = /^(smallint|integer|bigint|oid|boolean|uuid|date|timestamp|timestamptz|time|bytea|inet|bit|varbit|money)(\(|$)/;
const textTypes = /^(text|varchar|character|bpchar|(?:[^.]+\.)?citext|xml|json)(\(|$)/;

/**
 * SQL that is true where two values would be stored as different ones, to the byte. The database's own equality knows
 * collations and types that find `a` and `A`, 1.0 and 1.00, 0 and -0 equal. `given` is cast as the column will hold it.
 */
export function differsAsStored(field: FieldMeta, column: string, given: Sql): Sql {
  const held = raw(column);
  const type = field.sqlType ?? 'text';
  if (!field.isList && textTypes.test(type)) return sql`(${held})::text collate "C" is distinct from (${given})::text collate "C"`;
  if (field.kind === 'enum' && !field.isList) return sql`${held} is distinct from (${given})`;
  if (!field.isList && plainTypes.test(type)) return sql`${held} is distinct from (${given})`;
  const whole = raw(unlimited(type));
  return sql`row((${held})::${whole})::record *<> row((${given})::${raw(type)}::${whole})::record`;
}

/** Without lengths and places, which a cast would cut a value to that the column holds. */
function unlimited(type: string): string {
  return type.startsWith('"') ? type : type.replace(/\(.*?\)/, '');
}

/** SQL of JSON as text: JSON finds 1.0 and 1.00 equal. */
export function jsonToTheLetter(sql: string): string {
  return `(${sql})::text collate "C"`;
}
