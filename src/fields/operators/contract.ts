import type { Metadata } from '../../metadata/contract.ts';
import type { Parsed } from '../contract.ts';
import type { Reader } from '../reader.ts';
import type { ResourceField } from '../resource-field.ts';

/** What a filter compares with: nothing, one value, any of several, from and to, or a number of hours, days or weeks. */
export type OperatorInput = 'none' | 'one' | 'many' | 'range' | 'span';

/** What reading a filter needs to know besides its own text. */
export interface FilterContext extends Reader {
  readonly metadata: Metadata;
  readonly now: Date;
  /** Condition on the records of a related model that the reader may see; null: all of them, `{ OR: [] }`: none. */
  scopeOf(model: string): Record<string, unknown> | null;
}

/** One way to compare a field, as `path-name=value` in the URL; `is` has no name there. */
export interface FilterOperator {
  readonly name: string;
  /** `is`, `at least`: follows the field's label, comes before the value. */
  readonly label: string;
  readonly input: OperatorInput;
  /** Of an operator without input: what stands in the URL for it. */
  readonly value: string | null;
  /** A record without a value meets it. */
  readonly includesEmpty: boolean;
  /** A value in words, where it is not read as the field's own is; else it is said as the field shows it; null: it cannot be read. */
  words?(text: string, field: ResourceField, reader: Reader): string | null;
  /** A Prisma `where` from values, or what is wrong with them. Never empty: an empty one would match every record. */
  where(values: readonly string[], field: ResourceField, context: FilterContext): Parsed<Record<string, unknown>>;
}

/** Typed value from one text of a filter. */
export type Read = (text: string, field: ResourceField, context: FilterContext) => Parsed<unknown>;

/** As `read` does; a value of a kind of the project's own as that kind reads it in forms. */
export function asTyped(read: Read): Read {
  return (text, field, context) => (field.kind ? field.kind.parse(text, field, context) : read(text, field, context));
}

export function needsValue(field: ResourceField): { error: string } {
  return { error: `The filter on ${field.label} needs a value.` };
}

/** Every text as a typed value, or the first error. */
export function readAll(read: Read, texts: readonly string[], field: ResourceField, context: FilterContext): Parsed<unknown[]> {
  const values: unknown[] = [];
  for (const text of texts) {
    const parsed = read(text, field, context);
    if ('error' in parsed) return parsed;
    if (parsed.value === null || parsed.value === undefined) return needsValue(field);
    values.push(parsed.value);
  }
  return values.length > 0 ? { value: values } : needsValue(field);
}
