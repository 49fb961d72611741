import type { FieldMeta } from '../metadata/contract.ts';
import { choice } from './choice.ts';
import { json, plainJson } from './json.ts';
import { scalarKind } from './scalar-kind.ts';
import { plainTimestamp } from './timestamp.ts';

/**
 * A column's value as pages know it, of the text that PostgreSQL writes (`textSql`). A list is
 * never null.
 */
export function columnValue(meta: FieldMeta, text: string | null): unknown {
  if (text === null) return meta.isList ? [] : null;
  return scalarKind(meta).fromText(text, { meta });
}

/** The same as the project's own code knows it: as Prisma's client gives it. */
export function plainColumnValue(meta: FieldMeta, text: string | null): unknown {
  return plainValue(meta, columnValue(meta, text));
}

/** A value of the pages as the project's own code knows it. */
export function plainValue({ type, isList }: FieldMeta, value: unknown): unknown {
  if (type === 'Json')
    return isList && Array.isArray(value) ? value.map(plainJson) : plainJson(value);
  return type === 'DateTime' ? plainTimestamps(value) : value;
}

function plainTimestamps(value: unknown): unknown {
  return Array.isArray(value) ? value.map(plainTimestamps) : plainTimestamp(value);
}

/**
 * A value that Prisma's raw queries read for a page. JSON and enums come as texts, an oid as a big
 * integer.
 */
export function rawValue(meta: FieldMeta, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (meta.type === 'Int' && typeof value === 'bigint') return Number(value);
  const item = meta.type === 'Json' ? json : meta.kind === 'enum' ? choice : null;
  if (!item) return value;
  const one = (text: unknown) => (text === null ? null : item.fromText(String(text), { meta }));
  return Array.isArray(value) ? value.map(one) : one(value);
}

/** The default that the schema says as a literal; undefined: it says none. */
export function literalDefault(meta: FieldMeta): unknown {
  const literal = meta.default;
  const isLiteral = Array.isArray(literal) || (literal !== null && typeof literal !== 'object');
  if (!isLiteral) return undefined;
  // Of an enum it is the name that Prisma has for it.
  if (meta.kind === 'enum') return literal;
  return columnValue(meta, Array.isArray(literal) ? JSON.stringify(literal) : String(literal));
}
