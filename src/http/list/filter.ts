import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { answersOf, choicesOf } from '../../fields/choices.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { comparedField } from '../../fields/scalar-list.ts';
import { timestampKind } from '../../fields/timestamp.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import {
  type Condition,
  filterToText,
  type Group,
  parseFilterText,
  searchPath,
  taskPaths,
} from '../../selection/filter.ts';
import {
  type FilterField,
  type FilterOperator,
  filterFieldsOf,
} from '../../selection/filter-fields.ts';
import { conditionsOf, filterTitles, type TitleOf } from '../../selection/filter-titles.ts';
import { pageSizes } from '../../selection/paging.ts';
import { relationTarget } from '../../selection/related.ts';
import { findSortable, sortParts, sortText } from '../../selection/sort.ts';
import { groupWhere } from '../../selection/where.ts';
import { dayControl, type InputData, plainControlOf, plainInput } from '../controls/input.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { type ListState, listPath, looseListState, type Query, start } from '../list-address.ts';
import type { Url } from '../url.ts';
import {
  changeDraft,
  type DraftCondition,
  type DraftGroup,
  draftFrom,
  draftOf,
  groupOf,
  isAltered,
  isDraftGroup,
  maxLevels,
} from './filter-draft.ts';
import { filterTexts } from './filter-texts.ts';
import { readableFilter } from './list-filters.ts';

/** The page that makes a filter, and an order of several columns. */
export interface FilterData {
  title: string;
  heading: string;
  action: string;
  kept: readonly { name: string; value: string }[];
  top: GroupData;
  sorts: readonly SortData[];
  error: string | null;
  /** It came back with what was chosen. */
  isUnsaved: boolean;
  cancelUrl: string;
  words: typeof filterTexts;
  scripts: readonly string[];
}

export interface GroupData {
  place: string;
  kind: 'and' | 'or';
  legend: string;
  items: readonly (
    | { group: GroupData; condition: null }
    | { group: null; condition: ConditionData }
  )[];
  /** Null: no deeper group is offered. */
  addGroupText: string | null;
  action: string;
  words: typeof filterTexts;
}

export interface ConditionData {
  place: string;
  path: string;
  fields: readonly { label: string; options: readonly OptionData[] }[];
  operators: readonly OptionData[];
  inputs: readonly InputData[];
  /** Of a span: hours, days or weeks. */
  units: readonly OptionData[];
  joint: string;
  error: string | null;
  isNew: boolean;
  /** Values of which a browser would send something else. */
  kept: readonly string[];
  removeText: string;
  action: string;
  words: typeof filterTexts;
}

export interface OptionData {
  value: string;
  label: string;
  isChosen: boolean;
}

export interface SortData {
  label: string;
  name: string;
  directionName: string;
  emptyText: string;
  options: readonly OptionData[];
  isDescending: boolean;
}

const sortCount = 3;

/**
 * Where the form leads on when it is asked to show the records; else the page, with what is wrong
 * in it.
 */
export type FilterOutcome = { path: string } | { data: FilterData; status: number };

export interface FilterPageParts {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  url: Url;
}

/**
 * Reads the page's form, or a list's query, and does what the pressed button says. At most one
 * statement for each relation in it.
 */
export async function filterOutcome(parts: FilterPageParts, query: Query): Promise<FilterOutcome> {
  const { registry, resource, principal } = parts;
  const isForm = query._form !== undefined;
  const fields = filterFieldsOf(resource, principal);
  const state = {
    ...looseListState(resource, query),
    filter: isForm ? '' : looseListState(resource, query).filter,
  };
  const given = readableFilter(state.filter);
  const draft = isForm
    ? draftFrom(query)
    : draftOf(given, (condition) => fixedOf(fields, condition));
  const sort = isForm ? sortFrom(query) : state.sort;
  const own = ownConditions(
    isForm
      ? query
      : Object.fromEntries(conditionsOf(given).map(({ path, values }) => [path, values[0]])),
  );
  const command = one(query._do);
  changeDraft(draft, command);
  if (draft.items.length === 0) changeDraft(draft, 'add:');
  const size = pageSizes.find((wanted) => String(wanted) === one(query._size)) ?? state.size;
  const next: ListState = { ...state, size, sort: sort || resource.defaultSort, ...start };
  const path = listPath(resource, { ...next, filter: textOf(groupOf(draft), own) });
  const isChecked = command === 'apply';
  const error = isChecked ? errorOf(resource, principal, draft, own) : null;
  if (isChecked && !error) return { path };
  const titleOf = await filterTitles(registry, resource, principal, groupOf(draft));
  const view = { ...parts, fields, titleOf, isChecked };
  const data: FilterData = {
    title: filterTexts.title(resource.label),
    heading: filterTexts.title(resource.label),
    action: parts.url(`/${resource.slug}/filter`),
    kept: keptOf(next, own),
    top: groupData(view, draft, '', 0),
    sorts: sortsOf(parts, fields, sortParts(next.sort)),
    error,
    isUnsaved: isForm,
    cancelUrl: parts.url(path),
    words: filterTexts,
    scripts: ['picker.js'],
  };
  return { data, status: error ? 422 : 200 };
}

const one = (given: string | string[] | undefined) => [given ?? ''].flat().at(-1) ?? '';

/** What no control of the page is about: it is carried on. */
function ownConditions(query: Query): Condition[] {
  const paths = [searchPath, ...Object.values(taskPaths)];
  return paths
    .map((path) => ({ path, operator: 'is', values: [one(query[path])] }))
    .filter(({ values }) => values[0]?.trim() !== '');
}

function textOf(group: Group, own: readonly Condition[]): string {
  return filterToText({ ...group, items: [...own, ...group.items] });
}

function errorOf(
  resource: Resource,
  principal: Principal,
  draft: DraftGroup,
  own: readonly Condition[],
): string | null {
  try {
    const group = groupOf(draft);
    // Asked of the draft as well as of its text, in which a condition without a value says nothing.
    groupWhere(resource, principal, group);
    groupWhere(resource, principal, parseFilterText(textOf(group, own)));
    return null;
  } catch (error) {
    if (error instanceof AppError && error.status === 422) return error.message;
    throw error;
  }
}

function keptOf(
  { size, selectionId }: ListState,
  own: readonly Condition[],
): { name: string; value: string }[] {
  const pairs = {
    ...Object.fromEntries(own.map(({ path, values }) => [path, values[0] ?? ''])),
    _size: String(size),
    _s: selectionId ?? '',
  };
  return Object.entries(pairs).flatMap(([name, value]) => (value === '' ? [] : [{ name, value }]));
}

interface View extends FilterPageParts {
  fields: readonly FilterField[];
  titleOf: TitleOf;
  isChecked: boolean;
}

function groupData(
  view: View,
  { kind, items }: DraftGroup,
  place: string,
  level: number,
): GroupData {
  const inner = (index: number) => (place === '' ? String(index + 1) : `${place}-${index + 1}`);
  return {
    place,
    kind,
    legend: kind === 'and' ? filterTexts.all : filterTexts.any,
    items: items.map((item, index) =>
      isDraftGroup(item)
        ? { group: groupData(view, item, inner(index), level + 1), condition: null }
        : { group: null, condition: conditionData(view, item, inner(index)) },
    ),
    addGroupText:
      level >= maxLevels ? null : kind === 'and' ? filterTexts.addAny : filterTexts.addAll,
    action: view.url(`/${view.resource.slug}/filter`),
    words: filterTexts,
  };
}

function conditionData(view: View, draft: DraftCondition, place: string): ConditionData {
  const field = view.fields.find(({ path }) => path === draft.path);
  const operator =
    field && (field.operators.find((one) => nameOf(one) === draft.operator) ?? field.operators[0]);
  const inputs = field && operator ? inputsOf(view, field, operator, draft, place) : [];
  const error =
    view.isChecked && draft.path !== ''
      ? errorOf(view.resource, view.principal, { kind: 'and', items: [draft] }, [])
      : null;
  const unit = /^\d+([hdw])$/.exec(draft.values[0]?.trim() ?? '')?.[1] ?? 'd';
  return {
    place,
    path: draft.path,
    fields: fieldOptions(view, draft.path),
    operators: (field?.operators ?? []).map((one) => ({
      value: nameOf(one),
      label: one.label,
      isChosen: one === operator,
    })),
    inputs: error
      ? inputs.map((input) => ({ ...input, isWrong: true, describedBy: `error-${place}` }))
      : inputs,
    units:
      operator?.input === 'span'
        ? Object.entries(filterTexts.units).map(([value, label]) => ({
            value,
            label,
            isChosen: value === unit,
          }))
        : [],
    joint: operator?.input === 'range' ? filterTexts.to.toLowerCase() : filterTexts.anotherValue,
    error,
    isNew: draft.isNew,
    kept: draft.values.filter(
      (value) => isAltered(value) || (operator?.input === 'span' && value !== value.trim()),
    ),
    removeText: filterTexts.removeCondition(field?.label ?? filterTexts.blank),
    action: view.url(`/${view.resource.slug}/filter`),
    words: filterTexts,
  };
}

function nameOf({ name, value }: FilterOperator): string {
  return value === null ? name : `${name}=${value}`;
}

function fixedOf(
  fields: readonly FilterField[],
  { path, operator, values }: Condition,
): string | null {
  const field = fields.find((candidate) => candidate.path === path);
  return (
    field?.operators.find(
      ({ name, value }) => name === operator && value !== null && value === values[0],
    )?.value ?? null
  );
}

/** The resource's own fields, then those of each relation. */
function fieldOptions({ resource, fields }: View, path: string): ConditionData['fields'] {
  const groups = new Map<string, OptionData[]>();
  for (const field of fields) {
    const label = field.via?.label ?? resource.singular;
    const options = groups.get(label) ?? [];
    options.push({ value: field.path, label: field.field.label, isChosen: field.path === path });
    groups.set(label, options);
  }
  return [...groups].map(([label, options]) => ({ label, options }));
}

function inputsOf(
  view: View,
  field: FilterField,
  operator: FilterOperator,
  { values }: DraftCondition,
  place: string,
): InputData[] {
  const { resource, url, titleOf } = view;
  const name = `v.${place}`;
  const compared = comparedField(field.field);
  const { input: usual, control: ownControl } = getFieldKind(compared);
  const isTimestamp =
    usual === 'date-time' &&
    !ownControl &&
    !field.field.meta.isList &&
    timestampKind(compared.meta.sqlType) === 'timestamp';
  const input = (
    index: number,
    label: string,
    value = values[index] ?? '',
    own: Partial<InputData> = {},
  ) => {
    const asked = {
      resource,
      field: compared,
      url,
      name,
      id: `value-${place}-${index}`,
      values: [value],
      isSmall: true,
    };
    const control = isTimestamp
      ? dayControl(compared, value, resource.reader.timeZone, `t.${place}`)
      : plainControlOf({ ...asked, emptyText: filterTexts.value });
    const made = {
      ...plainInput(asked, { ...control, ...own }),
      ariaLabel: `${field.label}: ${label}`,
    };
    return made.time
      ? { ...made, time: { ...made.time, ariaLabel: `${made.ariaLabel}, ${filterTexts.time}` } }
      : made;
  };
  if (operator.input === 'none') return [];
  if (operator.input === 'range') return [input(0, filterTexts.from), input(1, filterTexts.to)];
  if (operator.input === 'one') return [input(0, filterTexts.value)];
  if (operator.input === 'span') {
    const count = /^(\d+)[hdw]?$/.exec(values[0]?.trim() ?? '')?.[1] ?? values[0] ?? '';
    const own = {
      control: 'number',
      inputMode: 'numeric',
      value: count,
      time: null,
      latest: null,
      incompleteText: null,
      own: null,
    } as const;
    return [input(0, filterTexts.count, count, own)];
  }
  const chosen = values.filter((value) => value !== '');
  const target = field.via ? null : relationTarget(resource, field.field, 'id');
  if (target) {
    const label = (value: string) => titleOf(field.path, value) ?? value;
    const picker = {
      url: url(`/${resource.slug}/options/${encodeURIComponent(field.field.name)}?as=id`),
      isMany: true,
      chosen: chosen.map((value) => ({
        value,
        label: label(value),
        removeText: inputTexts.remove(label(value)),
      })),
      chooseName: null,
      fieldName: field.field.name,
      placeholder: inputTexts.search(target.resource.label),
    };
    return [input(0, filterTexts.value, '', { control: 'picker', picker, own: null })];
  }
  const offered = optionsOf(field, chosen);
  if (offered)
    return [
      input(0, filterTexts.value, '', { control: 'checkboxes', options: offered, own: null }),
    ];
  return [...chosen, ''].map((value, index) => input(index, filterTexts.value, value));
}

function optionsOf({ field: own }: FilterField, chosen: readonly string[]): OptionData[] | null {
  const field = comparedField(own);
  const option = (choice: { value: string; label: string }) => ({
    ...choice,
    isChosen: chosen.includes(choice.value),
  });
  const { input } = getFieldKind(field);
  if (field.enum && !field.relation && input === 'select')
    return choicesOf(field, chosen).map(option);
  return input === 'checkbox'
    ? answersOf(field, chosen, [inputTexts.yes, inputTexts.no]).map(option)
    : null;
}

function sortFrom(query: Query): string {
  const keys = Array.from({ length: sortCount }, (_, index) => ({
    path: one(query[`s.${index}`]),
    isDescending: one(query[`d.${index}`]) === 'desc',
  })).filter(({ path }) => path !== '');
  return sortText(
    keys.filter(({ path }, index) => keys.findIndex((other) => other.path === path) === index),
  );
}

function sortsOf(
  { registry, resource, principal }: FilterPageParts,
  fields: readonly FilterField[],
  given: ReturnType<typeof sortParts>,
): SortData[] {
  const paths = fields.filter(({ path }) => findSortable(registry, resource, principal, path));
  return Array.from({ length: sortCount }, (_, index) => ({
    label: index === 0 ? filterTexts.sortBy : filterTexts.thenBy,
    emptyText: index === 0 ? filterTexts.usualOrder : filterTexts.unsorted,
    name: `s.${index}`,
    directionName: `d.${index}`,
    options: paths.map(({ path, label }) => ({
      value: path,
      label,
      isChosen: given[index]?.path === path,
    })),
    isDescending: given[index]?.isDescending ?? false,
  }));
}

declare module '../pages.ts' {
  interface Pages {
    'filter/edit': FilterData;
    'filter/_edit': FilterData;
  }
}
