import { Eta } from 'eta';
import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { answersOf, choicesOf } from '../../fields/choices.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { isUnclear, readDateSpan } from '../../fields/timestamp.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import {
  hasResource,
  relatedTitles,
  relationTarget,
  searchRelated,
} from '../../selection/related.ts';
import type { Url } from '../url.ts';
import { inputTexts } from './input-texts.ts';
import { type OwnView, ownViewOf } from './own-views.ts';

export type Control =
  | 'text'
  /** A text that is not seen as it is typed. */
  | 'password'
  | 'number'
  | 'textarea'
  | 'toggle'
  | 'select'
  | 'checkboxes'
  | 'datetime-local'
  | 'date'
  | 'time'
  | 'picker'
  /** Shown, not sent. */
  | 'fixed';

/** One control without its label, for `records/_input`: in forms, the bulk dialog and filters. */
export interface InputData {
  control: Control;
  name: string;
  id: string;
  value: string;
  options: readonly { value: string; label: string; isChosen: boolean }[];
  picker: PickerData | null;
  /** First option of a select; null: none. */
  emptyText: string | null;
  isRequired: boolean;
  inputMode: 'decimal' | 'numeric' | null;
  /** Of a date: its year has four digits. */
  latest: string | null;
  /**
   * Beside a day, a time of it that need not be named; null: there is none. Hidden, it keeps the
   * two in step beside a text.
   */
  time: {
    name: string;
    value: string;
    ariaLabel: string | null;
    isHidden: boolean;
    incompleteText: string;
  } | null;
  /**
   * Said where a part of it is missing: a browser sends such a control as an empty one. Null: no
   * part can be.
   */
  incompleteText: string | null;
  rows: number;
  isCode: boolean;
  /** Not seen as it is typed. */
  isMasked: boolean;
  isSmall: boolean;
  isWrong: boolean;
  /**
   * Makes a related record in a tab of its own, which is then chosen here; null: there is none to
   * make, or not by this reader.
   */
  make: MakeData | null;
  /** Where no label points at it. */
  ariaLabel: string | null;
  /** Ids of the texts about it. */
  describedBy: string | null;
  /** A box beside it says whether nothing typed is an empty text: it is shown where nothing is. */
  canBeEmpty: boolean;
  /** Drawn by a template of the project's own, in place of `control`. */
  own: OwnControl | null;
  words: typeof inputTexts;
}

export interface OwnControl {
  /** Address of the template. */
  view: OwnView;
  data: object;
  /**
   * What the control must say of itself, as HTML: its id and name, its label and the texts about
   * it, whether it is wrong.
   */
  attributes(input: InputData): string;
}

export interface MakeData {
  href: string;
  label: string;
  /** Says what this control holds for a record, and its title. */
  optionsUrl: string;
  /**
   * Without JavaScript: the submit button that shows the form again, with what was made among what
   * can be chosen.
   */
  again: { name: string; value: string };
}

/**
 * Searches on the server. Without JavaScript an id can be typed, and a form has a step of its own
 * for searching.
 */
export interface PickerData {
  url: string;
  isMany: boolean;
  /** Of one: its title; of many: tokens. What the reader may not see has its id for a title. */
  chosen: readonly { value: string; label: string; removeText: string }[];
  /** Name of the submit button that leads to the search step; null: the form has none. */
  chooseName: string | null;
  fieldName: string;
  placeholder: string;
}

export interface InputParts {
  registry: ResourceRegistry;
  sql: Queryable;
  principal: Principal;
  resource: Resource;
  field: ResourceField;
  url: Url;
  name: string;
  id: string;
  /** What the control shows. */
  values: readonly string[];
  /** Several may be chosen; default: of a many-to-many relation. */
  isMany?: boolean;
  isRequired?: boolean;
  isFixed?: boolean;
  isSmall?: boolean;
  isWrong?: boolean;
  ariaLabel?: string | null;
  describedBy?: string | null;
  emptyText?: string | null;
  canBeEmpty?: boolean;
  /** The form understands `_choose`. */
  hasSearchStep?: boolean;
  /**
   * What is chosen of a relation: the foreign key's own value, as forms send it, or the natural id,
   * as filters have it.
   */
  holds?: 'value' | 'id';
  /** Offer all targets of a relation where they are few; costs a statement. */
  offersFew?: boolean;
  /**
   * What shows the form again without JavaScript; without it related records cannot be made from
   * here.
   */
  again?: { name: string; value: string };
}

/** Up to here the targets of a relation are all offered, as a select or as check boxes. */
const fewTargets = 30;

/** The control of a field. At most one statement, for a relation. */
export async function inputData(parts: InputParts): Promise<InputData> {
  if (parts.field.relation)
    return plainInput(parts, { ...(await relationControl(parts)), make: makeOf(parts) });
  return plainInput(parts, {
    isMasked: parts.field.isSecret,
    ...(parts.isFixed ? { control: 'fixed' } : plainControlOf(parts)),
  });
}

/** A control that says itself what it is. */
export function plainInput(
  parts: Omit<InputParts, 'registry' | 'sql' | 'principal' | 'resource' | 'field' | 'url'>,
  rest: Partial<InputData>,
): InputData {
  const { name, id, values } = parts;
  return {
    control: 'text',
    name,
    id,
    value: values.at(-1) ?? '',
    options: [],
    picker: null,
    emptyText: null,
    isRequired: parts.isRequired ?? false,
    inputMode: null,
    latest: null,
    time: null,
    incompleteText: null,
    rows: 4,
    isCode: false,
    isMasked: false,
    isSmall: parts.isSmall ?? false,
    isWrong: parts.isWrong ?? false,
    make: null,
    ariaLabel: parts.ariaLabel ?? null,
    describedBy: parts.describedBy ?? null,
    canBeEmpty: parts.canBeEmpty ?? false,
    own: null,
    words: inputTexts,
    ...rest,
  };
}

type ControlParts = Pick<InputParts, 'field' | 'values' | 'isRequired' | 'emptyText'> & {
  resource: Pick<Resource, 'reader'>;
};

/** The control that a field's values are typed or chosen with. */
export function plainControlOf(parts: ControlParts): Partial<InputData> {
  return { ...usualControlOf(parts), own: ownControlOf(parts) };
}

// A secret is typed unseen, whatever its kind.
function ownControlOf({ resource, field, values }: ControlParts): OwnControl | null {
  const { control } = getFieldKind(field);
  if (!control || field.isSecret) return null;
  const data = control.data?.({ text: values.at(-1) ?? '', field, reader: resource.reader }) ?? {};
  return { view: ownViewOf(control), data, attributes: attributesOf };
}

const { escapeFunction } = new Eta().config;

function attributesOf({
  id,
  name,
  ariaLabel,
  describedBy,
  isRequired,
  isWrong,
}: InputData): string {
  const attributes = {
    id,
    name,
    'aria-label': ariaLabel,
    'aria-describedby': describedBy,
    'aria-required': isRequired ? 'true' : null,
    'aria-invalid': isWrong ? 'true' : null,
  };
  return Object.entries(attributes)
    .flatMap(([attribute, value]) =>
      value === null ? [] : [`${attribute}="${escapeFunction(value)}"`],
    )
    .join(' ');
}

function usualControlOf({
  resource,
  field,
  values,
  isRequired,
  emptyText = null,
}: ControlParts): Partial<InputData> {
  const { meta } = field;
  const chosen = (choice: { value: string; label: string }) => ({
    ...choice,
    isChosen: values.includes(choice.value),
  });
  const empty = emptyText ?? (isRequired ? inputTexts.choose : inputTexts.none);
  switch (getFieldKind(field).input) {
    case 'number':
      return { control: 'number', inputMode: isWhole(field) ? 'numeric' : 'decimal' };
    case 'checkbox': {
      const answers = answersOf(field, [], [inputTexts.yes, inputTexts.no]);
      if (isRequired && emptyText === null && answers[0].value === 'true')
        return { control: 'toggle' };
      return { control: 'select', options: answers.map(chosen), emptyText: empty };
    }
    case 'select':
      return { control: 'select', options: choicesOf(field, values).map(chosen), emptyText: empty };
    case 'date-time':
      return values.every(
        (value) => value === '' || fitsDateControl(value, meta.sqlType, resource.reader.timeZone),
      )
        ? dateControl(meta.sqlType)
        : {};
    case 'textarea':
      return { control: 'textarea', rows: isCode(field) ? 8 : 4, isCode: isCode(field) };
    default:
      if (field.isSecret) return { control: hasLines.test(meta.name) ? 'textarea' : 'password' };
      return isLong(field, values) ? { control: 'textarea' } : {};
  }
}

/** Digits are all that is typed; a kind of the project's own may want a point or a comma. */
export function isWhole({ kind, meta }: ResourceField): boolean {
  return kind === null && ['Int', 'BigInt'].includes(meta.type);
}

function isCode({ kind, meta }: ResourceField): boolean {
  return kind === null && meta.type === 'Json';
}

// Does the value fit a browser's date control? The control would show nothing for a value that it
// cannot hold, and send that; it has no place for an offset.
function fitsDateControl(value: string, sqlType: string | null, timeZone: string): boolean {
  return (
    plainTimestamps[dateControlName(sqlType)].test(value) &&
    readDateSpan(value, sqlType, 'utc') !== null &&
    !isUnclear(value, sqlType, timeZone)
  );
}

/**
 * What such a control can hold, and send as it is: zeros at the end are left out by browsers, and a
 * filter that names the second is not one of the minute.
 */
const plainTimestamps = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}(?::(?:(?!00)\d{2}|\d{2}\.\d{0,2}[1-9]))?$/,
  'datetime-local': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::(?:(?!00)\d{2}|\d{2}\.\d{0,2}[1-9]))?$/,
} as const;

/**
 * A filter's timestamp: a day, and a time of it where that is meant; a text where neither control
 * could hold it.
 */
export function dayControl(
  field: ResourceField,
  value: string,
  timeZone: string,
  name: string,
): Partial<InputData> {
  const [, day = '', clock = ''] = /^(\d{4}-\d{2}-\d{2})?(?:T(.+))?$/.exec(value) ?? [];
  const isWhole = value === day || (clock !== '' && plainTimestamps.time.test(clock));
  const isClear =
    day === '' || clock === '' || fitsDateControl(value, field.meta.sqlType, timeZone);
  const isHidden =
    !isWhole || !isClear || (day !== '' && readDateSpan(day, 'date', 'utc') === null);
  const time = {
    name,
    value: isHidden ? '' : clock,
    ariaLabel: null,
    isHidden,
    incompleteText: inputTexts.incomplete.time,
  };
  return isHidden ? { control: 'text', value, time } : { ...dateControl('date'), value: day, time };
}

function dateControlName(sqlType: string | null): keyof typeof plainTimestamps {
  if (sqlType === 'date') return 'date';
  return /^time(tz|\(|$)/.test(sqlType ?? '') ? 'time' : 'datetime-local';
}

function dateControl(sqlType: string | null): Partial<InputData> {
  const control = dateControlName(sqlType);
  const latest = {
    date: '9999-12-31',
    time: undefined,
    'datetime-local': '9999-12-31T23:59:59.999',
  }[control];
  return { control, ...(latest ? { latest } : {}), incompleteText: inputTexts.incomplete[control] };
}

function makeOf({
  resource,
  field,
  principal,
  url,
  again,
  isFixed,
  holds,
}: InputParts): InputData['make'] {
  const target = relationTarget(resource, field, holds);
  if (!target || !again || isFixed || !can(target.resource, principal, 'create')) return null;
  return {
    // Whoever makes one there is told that it can be chosen here; a script says which control asks.
    href: url(`/${target.resource.slug}/new?_for=here`),
    label: inputTexts.create(target.resource.singular),
    optionsUrl: url(`/${resource.slug}/options/${encodeURIComponent(field.name)}`),
    again,
  };
}

async function relationControl(parts: InputParts): Promise<Partial<InputData>> {
  const { registry, sql, principal, resource, field, values, url } = parts;
  const given = values.filter((value) => value !== '');
  const isMany = parts.isMany ?? field.relation?.kind === 'many-to-many';
  const target = relationTarget(resource, field, parts.holds);
  // A model without a resource has no titles and no scope: its records are known by their ids.
  if (!target && !parts.isFixed && !hasResource(registry, field))
    return { control: 'text', value: given.join(', ') };
  if (parts.isFixed || !target) {
    const titles = target
      ? await relatedTitles(registry, target, principal, given)
      : new Map<string, string>();
    return { control: 'fixed', value: given.map((value) => titles.get(value) ?? value).join(', ') };
  }
  if (parts.offersFew ?? true) {
    const few = await searchRelated({ registry, sql }, target, principal, '', {
      limit: fewTargets,
    });
    const known = new Set(few.options.map(({ value }) => value));
    if (!few.isMore && given.every((value) => known.has(value))) {
      const options = few.options
        .sort((a, b) => a.label.localeCompare(b.label, 'en'))
        .map((option) => ({ ...option, isChosen: given.includes(option.value) }));
      if (isMany) return { control: 'checkboxes', options };
      const hasEmpty = !parts.isRequired || given.length === 0;
      return {
        control: 'select',
        options,
        emptyText: hasEmpty
          ? (parts.emptyText ?? (parts.isRequired ? inputTexts.choose : inputTexts.none))
          : null,
      };
    }
  }
  const titles = await relatedTitles(registry, target, principal, given);
  const label = (value: string) => titles.get(value) ?? value;
  return {
    control: 'picker',
    picker: {
      url: url(
        `/${resource.slug}/options/${encodeURIComponent(field.name)}${parts.holds === 'id' ? '?as=id' : ''}`,
      ),
      isMany,
      chosen: given.map((value) => ({
        value,
        label: label(value),
        removeText: inputTexts.remove(label(value)),
      })),
      chooseName: parts.hasSearchStep ? '_choose' : null,
      fieldName: field.name,
      placeholder: inputTexts.search(target.resource.label),
    },
  };
}

// A key comes in many lines, which a control of one line would drop.
const hasLines = /key|cert|pem|credential/i;

const longNames = /^(notes?|remarks?|comments?|description|summary|content|body|bio|text)$/i;

// A text column says nothing of how long its texts are: its name and its value do.
function isLong({ meta }: ResourceField, values: readonly string[]): boolean {
  return (
    longNames.test(meta.name) || values.some((value) => /[\r\n]/.test(value) || value.length > 120)
  );
}
