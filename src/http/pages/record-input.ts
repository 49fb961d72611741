import { textsOf } from '../../form-texts.ts';
import { AppError } from '../../errors.ts';
import { parseJson } from '../../fields/json.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import type { RecordValuesRead } from '../../selection/record.ts';
import { withLineEnds } from './line-ends.ts';
import type { FormTexts } from './record-field.ts';
import { ownValue } from '../../own-value.ts';

type Body = Record<string, unknown>;

/** A form as it came: what its controls say now, and what they said when it was opened. */
export interface SentForm {
  texts: FormTexts;
  was: FormTexts;
}

/** What the controls show for a record; those of secrets show nothing. */
export function textsOfRecord(resource: Resource, record: RecordValuesRead): FormTexts {
  return Object.fromEntries(
    shownIn(resource).map((field) => {
      const value = isMany(field) ? record.values[field.name] : record.values[field.meta.name];
      return [field.name, getFieldKind(field).toForm(value, field, resource.reader)];
    }),
  );
}

/** What the controls of a new record begin with: the schema's own defaults. */
export function textsOfNew(resource: Resource): FormTexts {
  return Object.fromEntries(shownIn(resource).map((field) => [field.name, defaultText(field, resource.reader)]));
}

function shownIn({ form }: Resource): readonly ResourceField[] {
  return form.filter(({ isSecret }) => !isSecret);
}

/** What was typed, as a page may say it again. */
export function shownTexts({ secrets }: Resource, texts: FormTexts): FormTexts {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !secrets.some((field) => field.name === name)));
}

function defaultText(field: ResourceField, reader: Resource['reader']): string | string[] {
  const given = field.meta.default;
  if (isMany(field)) return [];
  if (given === null || given === undefined || !isLiteral(given)) return '';
  return getFieldKind(field).toForm(literal(field, given), field, reader) as string;
}

function isLiteral(given: unknown): boolean {
  return Array.isArray(given) || typeof given !== 'object';
}

/** A default of the schema as the value that Prisma's client would read. */
function literal({ meta }: ResourceField, given: unknown): unknown {
  const one = (value: unknown): unknown => {
    if (meta.type === 'DateTime') return new Date(String(value));
    if (meta.type === 'Json') return parseJson(String(value));
    return meta.type === 'BigInt' ? BigInt(String(value)) : value;
  };
  return Array.isArray(given) ? given.map(one) : one(given);
}

/** What was typed, by field, of the controls that were sent. A browser sends line ends as CRLF, whatever the text had. */
export function typedTexts(resource: Resource, body: Body): FormTexts {
  const sent = resource.form.filter((field) => Object.hasOwn(body, field.name));
  return Object.fromEntries(
    sent.map((field) => {
      if (isMany(field)) return [field.name, sentIds(body, field.name)];
      return [field.name, (textsOf(body[field.name]).at(-1) ?? '').replace(/\r\n?/g, '\n')];
    }),
  );
}

/** Secrets of which something was typed. */
export function typedSecrets({ secrets }: Resource, texts: FormTexts): { name: string; value: string }[] {
  return secrets.flatMap(({ name }) => {
    const value = [ownValue(texts, name) ?? ''].flat().join('\n');
    return value === '' ? [] : [{ name, value }];
  });
}

/** What a picker of many sends: a value for each token, and ids that were typed without JavaScript, separated by commas. */
function sentIds(body: Body, name: string): string[] {
  const typed = textsOf(body[`_add.${name}`]).flatMap((text) => (text.startsWith('[') ? [text] : text.split(',')));
  const ids = [...textsOf(body[name]), ...typed.map((id) => id.trim())];
  return [...new Set(ids.filter((id) => id !== ''))];
}

/**
 * A sent edit form. Its hidden `_was` holds what the controls showed; a form that does not say is compared with the record
 * as it is. Where a conflict was shown, `_theirs` holds the other value and `_keep.<field>` which of the two is to stay.
 */
export function readSentForm(resource: Resource, body: Body, record: RecordValuesRead): SentForm {
  const current = textsOfRecord(resource, record);
  const was: Record<string, string | readonly string[]> = { ...current, ...textsIn(resource, body._was) };
  const texts: Record<string, string | readonly string[]> = { ...was, ...typedTexts(resource, body) };
  const theirs = textsIn(resource, body._theirs);
  for (const [name, value] of Object.entries(theirs)) {
    const kept = textsOf(body[`_keep.${name}`]).at(-1);
    if (kept !== 'mine' && kept !== 'theirs') continue;
    was[name] = value;
    if (kept === 'theirs') texts[name] = value;
  }
  // An id's control is disabled, and a disabled control is not sent.
  for (const { name, meta, isReadOnly } of resource.form) {
    if (meta.isId || isReadOnly || record.overfull.includes(name)) texts[name] = was[name] = ownValue(current, name) ?? '';
  }
  return { texts, was };
}

/** Texts of known fields out of a hidden control's JSON; what it cannot be is left out. */
function textsIn(resource: Resource, given: unknown): FormTexts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textsOf(given)[0] ?? '');
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const found = parsed as Record<string, unknown>;
  const fits = (value: unknown) => typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
  return Object.fromEntries(
    shownIn(resource).flatMap(({ name }) => (Object.hasOwn(found, name) && fits(found[name]) ? [[name, found[name] as string]] : [])),
  );
}

/** Typed values of the fields whose control shows something else than it did; every error at once in AppError 422. */
export function parseRecord(resource: Resource, texts: FormTexts, was: FormTexts | null): Map<ResourceField, unknown> {
  const values = new Map<ResourceField, unknown>();
  const fieldErrors: Record<string, string> = {};
  for (const field of resource.form) {
    const given = ownValue(texts, field.name) ?? '';
    const shown = was ? ownValue(was, field.name) : undefined;
    if (field.isReadOnly || (was && (field.meta.isId || isSameIn(field, given, shown)))) continue;
    if (given.length === 0 && (was ? field.isSecret : field.meta.hasDefault)) continue;
    const parsed = getFieldKind(field).parse(given, field, resource.reader);
    if ('error' in parsed) fieldErrors[field.name] = field.isSecret ? unseen(field, given, parsed.error) : parsed.error;
    else values.set(field, typeof shown === 'string' && parsed.value === given ? withLineEnds(given as string, shown) : parsed.value);
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError('invalid-record', 422, 'Some values need attention. Nothing was saved.', { fieldErrors });
  }
  return values;
}

/** An error without what was typed. */
function unseen({ label }: ResourceField, given: string | readonly string[], error: string): string {
  const lines = [given].flat().flatMap((text) => text.split('\n').map((line) => line.trim().slice(0, 20)));
  return lines.some((line) => line !== '' && error.includes(line)) ? `${label} cannot be used as it is.` : error;
}

/** A field that somebody else has given another value since the form was opened. */
export interface StaleField {
  name: string;
  was: string | readonly string[];
  theirs: string | readonly string[];
}

/**
 * Throws AppError 409 where a field that is to be written is not as the form was opened with, nor as it is to be. Other
 * people's changes to other fields are no conflict: only what was changed is written.
 */
export function assertFresh(
  resource: Resource,
  { texts, was }: SentForm,
  fields: Iterable<ResourceField>,
  current: RecordValuesRead,
): void {
  const now = textsOfRecord(resource, current);
  const stale: StaleField[] = [...fields].flatMap((field) => {
    const { name } = field;
    if (field.isSecret) return [];
    const [before, theirs] = [ownValue(was, name) ?? '', ownValue(now, name) ?? ''];
    const isStale = !isSameIn(field, theirs, before) && !isSameIn(field, theirs, ownValue(texts, name));
    return isStale ? [{ name, was: before, theirs }] : [];
  });
  if (stale.length === 0) return;
  throw new AppError('stale', 409, 'Somebody has changed this record since you opened it. Nothing was saved.', { stale });
}

type Shown = string | readonly string[] | undefined;

/** Would the field's control send the one for the other? */
function isSameIn(field: ResourceField, given: Shown, was: Shown): boolean {
  if (Array.isArray(given) || Array.isArray(was)) {
    const sorted = (value: Shown) => [value ?? []].flat().sort().join('\0');
    return sorted(given) === sorted(was);
  }
  return sentBy(field, String(given ?? '')) === sentBy(field, String(was ?? ''));
}

/** What a browser sends of a text that it was shown: every line end alike, and of a control of one line none. */
function sentBy(field: ResourceField, text: string): string {
  const { input } = getFieldKind(field);
  if (input === 'relation' || input === 'number') return text.replace(/[\r\n]/g, '');
  return text.replace(/\r\n?/g, '\n');
}

export function isMany(field: ResourceField): boolean {
  return field.relation?.kind === 'many-to-many';
}
