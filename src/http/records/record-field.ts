import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { sizeInWords } from '../../fields/bytes.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { canBeTyped } from '../../fields/scalar-list.ts';
import type { FormTexts } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { canBeLong } from '../../selection/cut.ts';
import type { RecordValuesRead } from '../../selection/record.ts';
import { fieldCell } from '../controls/cell.ts';
import { type InputData, inputData } from '../controls/input.ts';
import { zoneHint } from '../controls/zone-hint.ts';
import { sealedName } from '../sealed-secrets.ts';
import type { Url } from '../url.ts';
import { canBeEmptyText, emptyText, shownTexts } from './record-input.ts';
import { recordTexts } from './records-texts.ts';

/** One field of a form, with what was typed. */
export interface RecordField {
  name: string;
  /** Of its control. */
  id: string;
  label: string;
  input: InputData;
  /**
   * The label stands beside a toggle, above anything else; it is no label where the control is a
   * group.
   */
  labelIs: 'above' | 'beside' | 'group';
  isOptional: boolean;
  isWide: boolean;
  /** Shown under the control. */
  hint: string | null;
  error: string | null;
  /** The other record that it is about. */
  errorLink: { href: string; label: string } | null;
  /** A secret that was typed, sealed: it comes along unseen. */
  sealed: { name: string; value: string } | null;
  conflict: FieldConflict | null;
  /** Too long for the form: its beginning, and where it is edited. */
  long: LongField | null;
  /** A text of no characters can be said by a box; null: it cannot. */
  empty: { name: string; isChosen: boolean; label: string } | null;
  /** What was typed is too long for this form: sends it to a page of its own. */
  tooLong: { action: string; label: string } | null;
}

export interface LongField {
  beginning: string;
  sizeText: string;
  /** Null: it is only looked at. */
  edit: { href: string; label: string } | null;
  whole: { href: string; label: string } | null;
}

/** Somebody changed the field since the form was opened: both values, and which is to stay. */
export interface FieldConflict {
  /** Name of the two radio buttons. */
  name: string;
  /** Null: it was long. */
  was: string | null;
  theirs: string;
  mine: string;
}

export interface FieldParts {
  registry: ResourceRegistry;
  sql: Queryable;
  resource: Resource;
  principal: Principal;
  url: Url;
  texts: FormTexts;
  error: string | null;
  errorLink: RecordField['errorLink'];
  conflict: FieldConflict | null;
  /** The record that is edited; null: a new one. */
  record: RecordValuesRead | null;
  /** It has more links than a form can hold. */
  isOverfull: boolean;
  sealed: string | null;
  /** What was typed is more than a form takes. */
  isTooLong: boolean;
}

/** The control's data; one statement for a relation. */
export async function recordField(field: ResourceField, parts: FieldParts): Promise<RecordField> {
  const { registry, sql, resource, principal, url, error, conflict, record, isOverfull } = parts;
  const texts = shownTexts(resource, parts.texts);
  const isNew = record === null;
  const id = `field-${field.name}`;
  const isKept = record !== null && !canBeTyped(record.values[field.meta.name]);
  const isFixed = field.isReadOnly || isOverfull || isKept || (field.meta.isId && !isNew);
  const given = ownProperty(texts, field.name) ?? '';
  const values =
    isFixed && record && !field.relation
      ? [shownText(parts, field, record)]
      : [given === emptyText ? '' : given].flat();
  const long = record && !Object.hasOwn(texts, field.name) ? longField(parts, field, record) : null;
  // A toggle would show no value as “no”, and send that.
  const isNothing = !isNew && values.every((value) => value === '');
  const hint = isOverfull
    ? recordTexts.overfull(limits.record.links)
    : isKept
      ? recordTexts.listKept
      : hintOf(field, isFixed, parts);
  const describedBy = [hint ? `${id}-hint` : '', error || conflict ? `${id}-error` : '']
    .filter((item) => item !== '')
    .join(' ');
  const canBeEmpty = !isFixed && long === null && canBeEmptyText(field);
  const input = await inputData({
    registry,
    sql,
    principal,
    resource,
    field,
    url,
    name: field.name,
    id,
    values,
    isRequired:
      isRequired(field, isNew) &&
      !(isNothing && field.meta.type === 'Boolean') &&
      !(field.isSecret && (!isNew || parts.sealed !== null)),
    emptyText: field.isSecret && !isNew ? recordTexts.secretKept : null,
    isFixed,
    isWrong: error !== null || conflict !== null,
    describedBy: describedBy === '' ? null : describedBy,
    canBeEmpty,
    hasSearchStep: true,
    again: { name: '_return', value: '1' },
  });
  return {
    name: field.name,
    id,
    label: field.label,
    input,
    labelIs: long
      ? 'group'
      : input.control === 'toggle'
        ? 'beside'
        : input.control === 'checkboxes'
          ? 'group'
          : 'above',
    isOptional: !input.isRequired,
    isWide:
      conflict !== null ||
      long !== null ||
      input.control === 'textarea' ||
      field.relation?.kind === 'many-to-many',
    hint,
    error,
    errorLink: parts.errorLink,
    sealed: parts.sealed === null ? null : { name: sealedName(field.name), value: parts.sealed },
    conflict,
    long,
    empty: canBeEmpty
      ? {
          name: `_empty.${field.name}`,
          isChosen: given === emptyText,
          label: recordTexts.emptyText,
        }
      : null,
    tooLong:
      parts.isTooLong && record && canBeLong(field.meta)
        ? {
            action: fieldHref(parts, field, record, 'edit'),
            label: recordTexts.editOnItsOwn(field.label),
          }
        : null,
  };
}

function longField(
  parts: FieldParts,
  field: ResourceField,
  record: RecordValuesRead,
): LongField | null {
  const long = record.long.get(field.name);
  if (!long) return null;
  const canEdit =
    !field.isReadOnly &&
    getFieldKind(field).input !== 'none' &&
    canBeTyped(record.values[field.meta.name]);
  return {
    beginning: `${long.beginning}…`,
    sizeText: recordTexts.longValue(sizeInWords(long.bytes)),
    edit: canEdit
      ? { href: fieldHref(parts, field, record, 'edit'), label: recordTexts.editText }
      : null,
    whole: { href: fieldHref(parts, field, record, 'value'), label: recordTexts.wholeValue },
  };
}

/** Of a page about one field of a record. */
export function fieldHref(
  { resource, url }: Pick<FieldParts, 'resource' | 'url'>,
  field: ResourceField,
  { key }: { key: string },
  segment: 'edit' | 'value',
): string {
  return url(
    `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}/${segment}/${encodeURIComponent(field.name)}`,
  );
}

// What is only looked at is shown as it is elsewhere.
function shownText(
  parts: FieldParts,
  field: ResourceField,
  { values, long }: RecordValuesRead,
): string {
  if (long.has(field.name)) return '';
  return fieldCell(parts, field, values[field.meta.name]).text;
}

/**
 * An empty list is a list; and what is left empty in a new record gets its default, where the
 * control can be empty at all.
 */
export function isRequired(
  { meta, relation, enum: choices }: ResourceField,
  isNew: boolean,
): boolean {
  if (!meta.isRequired || meta.isList || relation?.kind === 'many-to-many') return false;
  return !(isNew && meta.hasDefault) || meta.type === 'Boolean' || choices !== null;
}

function hintOf(
  field: ResourceField,
  isFixed: boolean,
  { resource: { reader }, sealed, record }: FieldParts,
): string | null {
  if (field.isSecret && sealed !== null) return recordTexts.secretSealed;
  if (isFixed) return field.help ?? (field.meta.isId ? recordTexts.idFixed : null);
  if (field.help) return field.help;
  if (field.isSecret && record) return recordTexts.secret;
  // What a kind of the project's own takes, its help says.
  if (field.kind) return zoneHint(field, reader);
  if (field.meta.isList && !field.relation) return recordTexts.onePerLine;
  return field.meta.type === 'Json' ? recordTexts.json : zoneHint(field, reader);
}
