import type { ResourceField } from '../fields/contract.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { utcReader } from '../fields/reader.ts';
import type { ScalarType } from '../metadata/contract.ts';

/** As PostgreSQL writes a value of each type. */
const texts: Readonly<Record<ScalarType, string>> = {
  String: 'text',
  Int: '1',
  BigInt: '1',
  Float: '1',
  Decimal: '1',
  Boolean: 'true',
  DateTime: '2026-01-31 14:30:00+00',
  Json: '{}',
  Bytes: '\\x00',
};

/** A value that a field's column may hold, as its kind shows and types it. */
export interface Sample {
  value: unknown;
  text: string;
  form: string;
}

/** Null where the kind wants values of a form that only its project knows. */
export function sampleOf(field: ResourceField): Sample | null {
  const { meta } = field;
  const kind = getFieldKind(field);
  const item = meta.enumValues?.[0]?.dbName ?? texts[meta.type as ScalarType] ?? 'text';
  try {
    const value = kind.fromText(meta.isList ? JSON.stringify([item]) : item, field);
    const form = kind.toForm(value, field, utcReader);
    return { value, text: kind.format(value, field, utcReader).text, form: String(form) };
  } catch {
    return null;
  }
}
