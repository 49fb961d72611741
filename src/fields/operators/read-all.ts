import type { FilterContext, Parsed, ResourceField } from '../contract.ts';

/** Typed value from one text of a filter. */
export type ReadFilterText = (
  text: string,
  field: ResourceField,
  context: FilterContext,
) => Parsed<unknown>;

/** As `read` does; a value of a kind of the project's own as that kind reads it in forms. */
export function asTyped(read: ReadFilterText): ReadFilterText {
  return (text, field, context) =>
    field.kind ? field.kind.parse(text, field, context) : read(text, field, context);
}

export function needsValue(field: ResourceField): { error: string } {
  return { error: `The filter on ${field.label} needs a value.` };
}

/** Every text as a typed value, or the first error. */
export function readAll(
  read: ReadFilterText,
  texts: readonly string[],
  field: ResourceField,
  context: FilterContext,
): Parsed<unknown[]> {
  const values: unknown[] = [];
  for (const text of texts) {
    const parsed = read(text, field, context);
    if ('error' in parsed) return parsed;
    if (parsed.value === null || parsed.value === undefined) return needsValue(field);
    values.push(parsed.value);
  }
  return values.length > 0 ? { value: values } : needsValue(field);
}
