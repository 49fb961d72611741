import { raw, type Sql, sql } from '../../db/sql.ts';
import type { ResourceField } from '../../fields/contract.ts';
import type { FieldMeta } from '../../metadata/contract.ts';

/**
 * Fields whose values are of one nature, whatever their precision: what one change can work on, and
 * what can be copied into what.
 */
export type Family = 'text' | 'integer' | 'decimal' | 'float' | 'date' | 'boolean';

const textTypes = /^(text|varchar|character|bpchar|(?:[^.]+\.)?citext)(\(|$)/;
const dateTypes = /^(timestamp|timestamptz|date)\b/;

/** Null: a list, a relation, an enum, or a type that can only be set as a whole. */
export function familyOf(meta: FieldMeta): Family | null {
  if (meta.kind !== 'scalar' || meta.isList) return null;
  const type = meta.sqlType ?? '';
  if (meta.type === 'String') return textTypes.test(type) ? 'text' : null;
  if (meta.type === 'DateTime') return dateTypes.test(type) ? 'date' : null;
  if (meta.type === 'Int' || meta.type === 'BigInt') return type === 'oid' ? null : 'integer';
  if (meta.type === 'Decimal') return type === 'money' ? null : 'decimal';
  if (meta.type === 'Float') return 'float';
  return meta.type === 'Boolean' ? 'boolean' : null;
}

export function isText({ meta, relation }: ResourceField): boolean {
  return relation === null && familyOf(meta) === 'text';
}

export function isNumber({ meta, relation }: ResourceField): boolean {
  const family = familyOf(meta);
  return relation === null && (family === 'integer' || family === 'decimal' || family === 'float');
}

/** A list of values, or of related records. */
export function isMany({ meta, relation }: ResourceField): boolean {
  return meta.isList && (relation === null || relation.kind === 'many-to-many');
}

/**
 * Casts a new value to the field's type. Text keeps its length: a cast to `varchar(20)` would cut
 * it in silence, where writing it is refused. Related ids are text, whatever their type.
 */
export function cast(value: Sql, meta: FieldMeta): Sql {
  if (meta.relation) return sql`(${value})::text[]`;
  if (familyOf(meta) !== 'text') return sql`(${value})::${raw(`${meta.sqlType}`)}`;
  return sql`(${value})::${raw(meta.sqlType?.startsWith('character(') ? 'bpchar' : 'text')}`;
}

/**
 * A float as a number of any length: cast without its text it would keep 15 digits, and a real 6.
 */
export function everyDigit(value: Sql): Sql {
  return sql`(${value})::text::numeric`;
}

/** `numeric(8,5)` has a scale of 5; null: as many places as there are. */
export function scaleOf(meta: FieldMeta): number | null {
  const [, , scale] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(meta.sqlType ?? '') ?? [];
  return /^numeric\(/.test(meta.sqlType ?? '') ? Number(scale ?? 0) : null;
}
