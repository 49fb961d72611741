import type { FieldMeta } from '../metadata/contract.ts';
import { boolean } from './boolean.ts';
import { bytes } from './bytes.ts';
import { choice } from './choice.ts';
import type { FieldKind } from './contract.ts';
import { dateTime } from './date-time.ts';
import { json } from './json.ts';
import { bigInteger, decimal, float, integer } from './number.ts';
import { readOnly } from './read-only.ts';
import { scalarList } from './scalar-list.ts';
import { bits, network, uuid } from './special-text.ts';
import { text } from './text.ts';
import { xml } from './xml.ts';

const byType = new Map<string, FieldKind>([
  ['String', text],
  ['Int', integer],
  ['BigInt', bigInteger],
  ['Float', float],
  ['Decimal', decimal],
  ['Boolean', boolean],
  ['DateTime', dateTime],
  ['Json', json],
  ['Bytes', bytes],
]);

// Strings to Prisma, but types of their own to Postgres.
const bySqlType = new Map<string, FieldKind>([
  ['uuid', uuid],
  ['inet', network],
  ['bit', bits],
  ['varbit', bits],
  ['xml', xml],
]);

const items = [...new Set([...byType.values(), ...bySqlType.values(), choice])];
const lists = new Map(items.map((kind) => [kind, scalarList(kind)]));

/** Every kind of a column, and of a list of such values. */
export const scalarKinds: readonly FieldKind[] = [...items, ...lists.values()];

/** The kind of a field's own column. */
export function scalarKind(meta: FieldMeta): FieldKind {
  const item = itemKind(meta);
  return meta.isList ? (lists.get(item) ?? readOnly) : item;
}

function itemKind({ kind, type, sqlType }: FieldMeta): FieldKind {
  if (kind === 'enum') return choice;
  const base = sqlType?.replace(/[([].*$/, '') ?? '';
  return bySqlType.get(base) ?? byType.get(type) ?? readOnly;
}
