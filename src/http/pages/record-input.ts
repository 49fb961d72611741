import { AppError } from '../../errors.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { textsOf } from './bulk-field.ts';
import type { FormTexts } from './record-field.ts';

type Body = Record<string, unknown>;

/** What was typed, by field, of the controls that were sent. A browser sends line ends as CRLF, whatever the text had. */
export function typedTexts(resource: Resource, body: Body): FormTexts {
  const sent = resource.form.filter((field) => body[field.name] !== undefined);
  return Object.fromEntries(
    sent.map((field) => {
      const given = textsOf(body[field.name]).map((text) => text.replaceAll('\r\n', '\n'));
      return [field.name, isMany(field) ? idsOf(given) : (given.at(-1) ?? '')];
    }),
  );
}

/** What the controls showed when the form was opened; a form that does not say is compared with the record as it is. */
export function shownTexts(body: Body, current: FormTexts): FormTexts {
  try {
    const shown: unknown = JSON.parse(textsOf(body._was)[0] ?? '');
    if (typeof shown === 'object' && shown !== null) return { ...current, ...(shown as FormTexts) };
  } catch {
    // Falls through to the record as it is.
  }
  return current;
}

/** Typed values of the fields whose control shows something else than it did; every error at once in AppError 422. */
export function parseRecord(resource: Resource, texts: FormTexts, was: FormTexts | null): Map<ResourceField, unknown> {
  const values = new Map<ResourceField, unknown>();
  const fieldErrors: Record<string, string> = {};
  for (const field of resource.form) {
    const given = texts[field.name] ?? '';
    if (was && (field.meta.isId || isSame(given, was[field.name]))) continue;
    if (!was && given.length === 0 && field.meta.hasDefault) continue;
    const parsed = getFieldKind(field).parse(given, field);
    if ('error' in parsed) fieldErrors[field.name] = parsed.error;
    else values.set(field, parsed.value);
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError('invalid-record', 422, 'Some values need attention. Nothing was saved.', { fieldErrors });
  }
  return values;
}

function isSame(given: string | readonly string[], was: string | readonly string[] | undefined): boolean {
  if (typeof given === 'string') return given === String(was ?? '').replaceAll('\r\n', '\n');
  const before = typeof was === 'string' ? [was] : [...(was ?? [])];
  return before.sort().join('\0') === [...given].sort().join('\0');
}

function isMany(field: ResourceField): boolean {
  return field.relation?.kind === 'many-to-many';
}

// Ids may be typed into one control where there are too many to offer.
function idsOf(given: readonly string[]): string[] {
  const texts = given.filter((text) => text.trim() !== '');
  return texts.length === 1 && texts[0]?.includes(',') && !texts[0].startsWith('[')
    ? texts[0]
        .split(',')
        .map((id) => id.trim())
        .filter(Boolean)
    : texts;
}
