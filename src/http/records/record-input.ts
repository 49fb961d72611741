import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { literalDefault } from '../../fields/column-value.ts';
import type { Parsed } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { canBeTyped } from '../../fields/scalar-list.ts';
import type { FormTexts } from '../../form-texts.ts';
import { textsOf } from '../../form-texts.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import type { RecordValuesRead } from '../../selection/record.ts';
import { withLineEnds } from '../controls/line-ends.ts';
import type { Body } from '../form.ts';

/**
 * What a control showed when its form was opened: a short value itself, of a longer one the digest
 * of what was shown, of one that is too long for a form the digest of what is stored.
 */
export type Was = string | readonly string[] | { shown: string } | { stored: string };

export type WasTexts = Readonly<Record<string, Was>>;

/**
 * A form as it came: what its controls say now, and what they said when it was opened. A field too
 * long for it has no text.
 */
export interface SentForm {
  texts: FormTexts;
  was: WasTexts;
}

/**
 * A text of no characters, as a control has it: an empty one says that there is nothing. No text of
 * PostgreSQL's holds a NUL.
 */
export const emptyText = '\0';

/** Can the field hold a text of no characters? */
export function canBeEmptyText(field: ResourceField): boolean {
  return (
    field.meta.type === 'String' &&
    !field.isSecret &&
    !field.meta.isList &&
    !field.relation &&
    getFieldKind(field).name === 'text'
  );
}

/**
 * What the controls show for a record, but for what is too long for a form; those of secrets show
 * nothing.
 */
export function textsOfRecord(resource: Resource, record: RecordValuesRead): FormTexts {
  return Object.fromEntries(
    shownIn(resource)
      .filter(({ name }) => !record.long.has(name))
      .map((field) => [field.name, textOf(resource, field, record)]),
  );
}

function textOf(
  { reader }: Resource,
  field: ResourceField,
  { values }: RecordValuesRead,
): string | string[] {
  const value = isMany(field) ? values[field.name] : values[field.meta.name];
  const text = getFieldKind(field).toForm(value, field, reader);
  return text === '' && typeof value === 'string' && canBeEmptyText(field) ? emptyText : text;
}

/** The same, as a form carries it. */
export function wasOfRecord(resource: Resource, record: RecordValuesRead): WasTexts {
  return Object.fromEntries(
    shownIn(resource).map((field) => [field.name, wasOf(resource, field, record)]),
  );
}

function wasOf(resource: Resource, field: ResourceField, record: RecordValuesRead): Was {
  const long = record.long.get(field.name);
  return long ? { stored: long.digest } : shortened(field, textOf(resource, field, record));
}

/** A digest takes as many characters. */
const maxCarriedLength = 44;

function shortened(field: ResourceField, text: string | readonly string[]): Was {
  return [text].flat().join().length <= maxCarriedLength ? text : { shown: digestOf(field, text) };
}

function digestOf(field: ResourceField, text: Shown): string {
  return createHash('sha256').update(comparable(field, text)).digest('base64');
}

/** What the controls of a new record begin with: the schema's own defaults. */
export function textsOfNew(resource: Resource): FormTexts {
  return Object.fromEntries(
    shownIn(resource).map((field) => [field.name, defaultText(field, resource.reader)]),
  );
}

function shownIn({ form }: Resource): readonly ResourceField[] {
  return form.filter(({ isSecret }) => !isSecret);
}

/** What was typed, as a page may say it again. */
export function shownTexts({ secrets }: Resource, texts: FormTexts): FormTexts {
  return Object.fromEntries(
    Object.entries(texts).filter(([name]) => !secrets.some((field) => field.name === name)),
  );
}

function defaultText(field: ResourceField, reader: Resource['reader']): string | string[] {
  if (isMany(field)) return [];
  const literal = literalDefault(field.meta);
  return literal === undefined
    ? ''
    : (getFieldKind(field).toForm(literal, field, reader) as string);
}

/**
 * What was typed, by field, of the controls that were sent. A browser sends line ends as CRLF,
 * whatever the text had.
 */
export function typedTexts(resource: Resource, body: Body): FormTexts {
  const sent = resource.form.filter((field) => Object.hasOwn(body, field.name));
  return Object.fromEntries(
    sent.map((field) => {
      if (isMany(field)) return [field.name, sentIds(body, field.name)];
      const text = (textsOf(body[field.name]).at(-1) ?? '').replace(/\r\n?/g, '\n');
      return [
        field.name,
        text === '' && canBeEmptyText(field) && Object.hasOwn(body, `_empty.${field.name}`)
          ? emptyText
          : text,
      ];
    }),
  );
}

/** Secrets of which something was typed. */
export function typedSecrets(
  { secrets }: Resource,
  texts: FormTexts,
): { name: string; value: string }[] {
  return secrets.flatMap(({ name }) => {
    const value = [ownProperty(texts, name) ?? ''].flat().join('\n');
    return value === '' ? [] : [{ name, value }];
  });
}

/**
 * What a picker of many sends: a value for each token, and ids that were typed without JavaScript,
 * separated by commas.
 */
function sentIds(body: Body, name: string): string[] {
  const typed = textsOf(body[`_add.${name}`]).flatMap((text) =>
    text.startsWith('[') ? [text] : text.split(','),
  );
  const ids = [...textsOf(body[name]), ...typed.map((id) => id.trim())];
  return [...new Set(ids.filter((id) => id !== ''))];
}

/**
 * A sent edit form. Its hidden `_was` holds what the controls showed; a form that does not say is
 * compared with the record as it is. Where a conflict was shown, `_theirs` holds the other value
 * and `_keep.<field>` which of the two is to stay.
 */
export function readSentForm(resource: Resource, body: Body, record: RecordValuesRead): SentForm {
  const current = textsOfRecord(resource, record);
  const now = wasOfRecord(resource, record);
  const typed = typedTexts(resource, body);
  const texts: Record<string, string | readonly string[]> = { ...current, ...typed };
  // What was not sent is as it is.
  const was: Record<string, Was> = { ...now, ...onlyOf(typed, wasIn(resource, body._was)) };
  const asItIs = (name: string) => {
    was[name] = ownProperty(now, name) ?? '';
    delete texts[name];
    if (Object.hasOwn(current, name)) texts[name] = ownProperty(current, name) ?? '';
  };
  for (const [name, value] of Object.entries(wasIn(resource, body._theirs))) {
    const kept = textsOf(body[`_keep.${name}`]).at(-1);
    if (kept === 'mine') was[name] = value;
    if (kept === 'theirs') asItIs(name);
  }
  // An id's control is disabled, and a disabled control is not sent.
  for (const { name, meta, isReadOnly } of resource.form) {
    if (
      meta.isId ||
      isReadOnly ||
      record.overfull.includes(name) ||
      !canBeTyped(record.values[meta.name])
    )
      asItIs(name);
  }
  return { texts, was };
}

function onlyOf(typed: FormTexts, was: WasTexts): WasTexts {
  return Object.fromEntries(Object.entries(was).filter(([name]) => Object.hasOwn(typed, name)));
}

/** What a hidden control's JSON says of known fields; what it cannot say is left out. */
function wasIn(resource: Resource, given: unknown): WasTexts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textsOf(given)[0] ?? '');
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const found = parsed as Record<string, unknown>;
  return Object.fromEntries(
    shownIn(resource).flatMap(({ name }) => {
      const read = Object.hasOwn(found, name) ? wasShape.safeParse(found[name]) : null;
      return read?.success ? [[name, read.data]] : [];
    }),
  );
}

const wasShape: z.ZodType<Was> = z.union([
  z.string(),
  z.array(z.string()),
  z.strictObject({ shown: z.string() }),
  z.strictObject({ stored: z.string() }),
]);

/** Typed values of a new record's fields; every error at once in AppError 422. */
export function parseNew(resource: Resource, texts: FormTexts): Map<ResourceField, unknown> {
  const given = resource.form.filter((field) => {
    const isLeft = (ownProperty(texts, field.name) ?? '').length === 0 && field.meta.hasDefault;
    return !field.isReadOnly && !isLeft;
  });
  return parseAll(given, (field) =>
    parseText(resource, field, ownProperty(texts, field.name) ?? ''),
  );
}

/** Typed values of the fields whose control shows something else than it did. */
export function parseChanged(
  resource: Resource,
  { texts, was }: SentForm,
  record: RecordValuesRead,
): Map<ResourceField, unknown> {
  const now = textsOfRecord(resource, record);
  const changed = resource.form.filter((field) => {
    const given = ownProperty(texts, field.name);
    if (field.isReadOnly || field.meta.isId || given === undefined) return false;
    return !isAsWas(field, given, ownProperty(was, field.name));
  });
  return parseAll(changed, (field) => {
    const given = ownProperty(texts, field.name) ?? '';
    const parsed = parseText(resource, field, given);
    const shown = ownProperty(now, field.name);
    return 'value' in parsed && typeof shown === 'string' && parsed.value === given
      ? { value: withLineEnds(String(given), shown) }
      : parsed;
  });
}

function parseText(
  { reader }: Resource,
  field: ResourceField,
  given: string | readonly string[],
): Parsed {
  if (given === emptyText && canBeEmptyText(field)) return { value: '' };
  const parsed = getFieldKind(field).parse(given, field, reader);
  return field.isSecret && 'error' in parsed
    ? { error: unseen(field, given, parsed.error) }
    : parsed;
}

function parseAll(
  fields: readonly ResourceField[],
  parse: (field: ResourceField) => Parsed,
): Map<ResourceField, unknown> {
  const values = new Map<ResourceField, unknown>();
  const fieldErrors: Record<string, string> = {};
  for (const field of fields) {
    const parsed = parse(field);
    if ('error' in parsed) fieldErrors[field.name] = parsed.error;
    else values.set(field, parsed.value);
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError('invalid-record', 422, 'Some values need attention. Nothing was saved.', {
      fieldErrors,
    });
  }
  return values;
}

/** An error without what was typed. */
function unseen(
  { label }: ResourceField,
  given: string | readonly string[],
  error: string,
): string {
  const lines = [given]
    .flat()
    .flatMap((text) => text.split('\n').map((line) => line.trim().slice(0, 20)));
  return lines.some((line) => line !== '' && error.includes(line))
    ? `${label} cannot be used as it is.`
    : error;
}

/** A field that somebody else has given another value since the form was opened. */
declare module '../../errors.ts' {
  interface ErrorDetails {
    readonly stale?: readonly StaleField[];
  }
}

export interface StaleField {
  name: string;
  /** Null: it was long, and only its digest is known. */
  was: string | readonly string[] | null;
  /** As far as it is shown. */
  theirs: string | readonly string[];
  /** As the form carries it. */
  now: Was;
}

/**
 * Throws AppError 409 where a field that is to be written is not as the form was opened with, nor
 * as it is to be. Other people's changes to other fields are no conflict: only what was changed is
 * written.
 */
export function assertFresh(
  resource: Resource,
  { texts, was }: SentForm,
  fields: Iterable<ResourceField>,
  current: RecordValuesRead,
): void {
  const stale: StaleField[] = [...fields].flatMap((field) => {
    const { name } = field;
    const before = ownProperty(was, name) ?? '';
    const now = wasOf(resource, field, current);
    const isFresh = isSameWas(field, before, now) || isAsWas(field, ownProperty(texts, name), now);
    if (isFresh) return [];
    const theirs = current.long.get(name)?.beginning ?? textOf(resource, field, current);
    return [{ name, was: isDigest(before) ? null : before, theirs, now }];
  });
  if (stale.length === 0) return;
  throw new AppError(
    'stale',
    409,
    'Somebody has changed this record since you opened it. Nothing was saved.',
    { stale },
  );
}

type Shown = string | readonly string[] | undefined;

function isDigest(was: Was | undefined): was is { shown: string } | { stored: string } {
  return typeof was === 'object' && !Array.isArray(was);
}

/** Would the field's control send what it was opened with? */
function isAsWas(field: ResourceField, given: Shown, was: Was | undefined): boolean {
  if (!isDigest(was)) return comparable(field, given) === comparable(field, was);
  return 'shown' in was && digestOf(field, given) === was.shown;
}

function isSameWas(field: ResourceField, before: Was, now: Was): boolean {
  if (!isDigest(before)) return isAsWas(field, before, now);
  if (!isDigest(now)) return isAsWas(field, now, before);
  return JSON.stringify(before) === JSON.stringify(now);
}

/**
 * What a browser sends of a text that it was shown: every line end alike, and of a control of one
 * line none.
 */
function comparable(field: ResourceField, shown: Shown): string {
  if (Array.isArray(shown)) return [...shown].sort().join('\0');
  const text = String(shown ?? '');
  const { input } = getFieldKind(field);
  if (input === 'relation' || input === 'number') return text.replace(/[\r\n]/g, '');
  return text.replace(/\r\n?/g, '\n');
}

export function isMany(field: ResourceField): boolean {
  return field.relation?.kind === 'many-to-many';
}
