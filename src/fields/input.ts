import type { Parsed, ResourceField } from './contract.ts';

/** The one text of a form control, or null when it is empty. */
export function single(input: string | readonly string[] | undefined): string | null {
  const given = typeof input === 'string' ? input : (input?.at(-1) ?? '');
  return given.trim() === '' ? null : given;
}

/** What an empty control means. */
export function required(field: ResourceField): Parsed {
  return field.meta.isRequired ? { error: `${field.label} is required.` } : { value: null };
}
