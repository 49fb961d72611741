import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { answersOf, choicesOf } from '../../fields/choices.ts';
import type { FilterKind } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { describeItem } from '../../selection/describe-filter.ts';
import { filterToText, type Group, parseFilterText } from '../../selection/filter.ts';
import { findFilterField } from '../../selection/filter-fields.ts';
import type { TitleOf } from '../../selection/filter-titles.ts';
import { relationTarget } from '../../selection/related.ts';
import { type InputData, isWhole, type PickerData, plainInput } from '../controls/input.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { type ListState, listPath, start } from '../list-address.ts';
import type { Url } from '../url.ts';
import { listTexts } from './list-texts.ts';

/** One quick filter's control, with what it is set to. */
export interface FilterControl {
  name: string;
  id: string;
  label: string;
  kind: FilterKind;
  /** Of a choice and a boolean. */
  options: readonly { value: string; label: string; isChosen: boolean }[];
  /** Of a relation: searched on the server, and without JavaScript on a page of its own. */
  picker: { input: InputData & { picker: PickerData }; searchUrl: string } | null;
  value: string;
  min: string;
  max: string;
  isDecimal: boolean;
  isActive: boolean;
  isWrong: boolean;
}

/** One active filter in words, removable. */
export interface Chip {
  text: string;
  removeUrl: string;
  removeText: string;
}

export interface ListFilterParts {
  resource: Resource;
  state: ListState;
  titleOf: TitleOf;
  wrongField: string | null;
  url: Url;
}

/** The controls of the quick filters. */
export function filterControls(parts: ListFilterParts): FilterControl[] {
  const { resource, state, wrongField } = parts;
  const query = new URLSearchParams(state.filter);
  return resource.filters.map((field) => {
    const kind = getFieldKind(field).filter as FilterKind;
    const chosen = query.getAll(field.name);
    const [min = '', max = ''] = [
      query.get(`${field.name}-min`) ?? '',
      query.get(`${field.name}-max`) ?? '',
    ];
    return {
      name: field.name,
      id: `filter-${field.name}`,
      label: field.label,
      kind,
      options: optionsOf(field, kind, chosen).map((option) => ({
        ...option,
        isChosen: (kind === 'boolean' ? chosen.slice(0, 1) : chosen).includes(option.value),
      })),
      picker: kind === 'relation' ? pickerOf(parts, field, chosen) : null,
      value: chosen[0] ?? '',
      min,
      max,
      isDecimal: !isWhole(field),
      isActive: chosen.length > 0 || min !== '' || max !== '',
      isWrong: wrongField === field.name,
    };
  });
}

/** What the quick filters send, and how many values of each name they hold. */
export function controlNames(resource: Resource): [name: string, values: number][] {
  return resource.filters.flatMap((field): [string, number][] => {
    const kind = getFieldKind(field).filter;
    if (kind === 'range')
      return [`${field.name}-min`, `${field.name}-max`].map((name) => [name, 1]);
    const isTyped = kind === 'relation' && relationTarget(resource, field, 'id') === null;
    return [[field.name, isTyped || kind === 'boolean' ? 1 : Number.POSITIVE_INFINITY]];
  });
}

function optionsOf(
  field: ResourceField,
  kind: FilterKind,
  chosen: readonly string[],
): { value: string; label: string }[] {
  if (kind === 'choice') return choicesOf(field);
  return kind === 'boolean'
    ? answersOf(field, chosen.slice(0, 1), [listTexts.yes, listTexts.no])
    : [];
}

/** Null: the related model has no pages, so that only ids can be named. */
function pickerOf(
  { resource, state, titleOf, wrongField, url }: ListFilterParts,
  field: ResourceField,
  values: string[],
): FilterControl['picker'] {
  const target = relationTarget(resource, field, 'id');
  if (!target) return null;
  const path = `/${resource.slug}/options/${encodeURIComponent(field.name)}`;
  const label = (value: string) => titleOf(field.name, value) ?? value;
  const picker = {
    url: url(`${path}?as=id`),
    isMany: true,
    chosen: values.map((value) => ({
      value,
      label: label(value),
      removeText: inputTexts.remove(label(value)),
    })),
    chooseName: null,
    fieldName: field.name,
    placeholder: inputTexts.search(target.resource.label),
  };
  const isWrong = wrongField === field.name;
  const asked = {
    resource,
    field,
    url,
    name: field.name,
    id: `filter-${field.name}`,
    values,
    isSmall: true,
    isWrong,
  };
  const about = { ariaLabel: field.label, describedBy: isWrong ? 'list-error' : null };
  const input = { ...plainInput(asked, { control: 'picker' }), picker, ...about };
  const back = listPath(resource, state).split('?')[1] ?? '';
  return {
    input,
    searchUrl: url(`${path}${back === '' ? '' : `?_back=${encodeURIComponent(back)}`}`),
  };
}

/**
 * Every condition and group of the filter as a chip, also one that is not understood, so that it
 * can be removed.
 */
export function chipsOf(
  { resource, state, titleOf, url }: ListFilterParts,
  principal: Principal,
): Chip[] {
  const filter = readableFilter(state.filter);
  return filter.items.map((item, index) => {
    const text = describeItem(item, {
      fieldOf: (path) => findFilterField(resource, principal, path),
      titleOf,
      reader: resource.reader,
    });
    const rest = filterToText({
      ...filter,
      items: filter.items.filter((_, other) => other !== index),
    });
    return {
      text,
      removeUrl: url(listPath(resource, state, { filter: rest, ...start })),
      removeText: listTexts.removeFilter(text),
    };
  });
}

// More than a filter may be has no chips: it can only be cleared.
export function readableFilter(text: string): Group {
  try {
    return parseFilterText(text);
  } catch (error) {
    if (error instanceof AppError) return { kind: 'and', items: [] };
    throw error;
  }
}
