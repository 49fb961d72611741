import type { FieldMeta } from '../metadata/contract.ts';
import { boolean } from './boolean.ts';
import { choice } from './choice.ts';
import type { FieldKind } from './contract.ts';
import { dateTime } from './date-time.ts';
import { json } from './json.ts';
import { bigInteger, decimal, float, integer } from './number.ts';
import { readOnly } from './read-only.ts';
import { text } from './text.ts';

const kinds: Record<string, FieldKind> = {
  String: text,
  Int: integer,
  BigInt: bigInteger,
  Float: float,
  Decimal: decimal,
  Boolean: boolean,
  DateTime: dateTime,
  Json: json,
};

/** The kind of a field's own column. */
export function scalarKind(meta: FieldMeta): FieldKind {
  if (meta.isList) return readOnly;
  if (meta.kind === 'enum') return choice;
  return kinds[meta.type] ?? readOnly;
}
