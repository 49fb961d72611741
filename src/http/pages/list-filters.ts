import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { FilterKind } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { describeItem } from '../../selection/describe-filter.ts';
import { filterToText, type Group, parseFilterText } from '../../selection/filter.ts';
import { findFilterField } from '../../selection/filter-fields.ts';
import { listTexts } from '../texts/list.ts';
import { listPath, type ListState, start } from './list-state.ts';
import { listRelated } from './related-options.ts';
import type { Urls } from './url.ts';

/** One filter's control, with what it is set to. */
export interface FilterControl {
  name: string;
  id: string;
  label: string;
  kind: FilterKind;
  /** Null: not one of a list. */
  options: readonly { value: string; label: string; isChosen: boolean }[] | null;
  /** Several values of a relation are only shown where the URL asks for several. */
  isMultiple: boolean;
  value: string;
  min: string;
  max: string;
  isDecimal: boolean;
  isWrong: boolean;
  hint: string | null;
}

/** One active filter in words, removable. */
export interface Chip {
  text: string;
  removeUrl: string;
  removeText: string;
}

/** The filters' controls; one statement for each relation among them. */
export function filterControls(
  register: Register,
  resource: Resource,
  principal: Principal,
  filter: string,
  wrongField: string | null,
): Promise<FilterControl[]> {
  const query = new URLSearchParams(filter);
  return Promise.all(
    resource.filters.map(async (field) => {
      const kind = getFieldKind(field).filter as FilterKind;
      const chosen = query.getAll(field.name);
      const options = await optionsOf(register, resource, principal, field, kind);
      return {
        name: field.name,
        id: `filter-${field.name}`,
        label: field.label,
        kind,
        options: options?.map((option) => ({ ...option, isChosen: chosen.includes(option.value) })) ?? null,
        isMultiple: chosen.length > 1,
        value: chosen.join(', '),
        min: query.get(`${field.name}-min`) ?? '',
        max: query.get(`${field.name}-max`) ?? '',
        isDecimal: !['Int', 'BigInt'].includes(field.meta.type),
        isWrong: wrongField === field.name,
        hint: kind === 'relation' && options === null ? listTexts.relationId(field.label) : null,
      };
    }),
  );
}

async function optionsOf(register: Register, resource: Resource, principal: Principal, field: ResourceField, kind: FilterKind) {
  if (kind === 'choice') return (field.enum?.values ?? []).map(({ name }) => ({ value: name, label: name }));
  if (kind === 'boolean') {
    return [
      { value: 'true', label: listTexts.yes },
      { value: 'false', label: listTexts.no },
    ];
  }
  return kind === 'relation' ? listRelated(register, resource, principal, field) : null;
}

/** Every condition and group of the filter as a chip, also one that is not understood, so that it can be removed. */
export function chipsOf(resource: Resource, principal: Principal, state: ListState, controls: readonly FilterControl[], url: Urls): Chip[] {
  const filter = readable(state.filter);
  const titleOf = (path: string, id: string) =>
    controls.find(({ name }) => name === path)?.options?.find(({ value }) => value === id)?.label;
  return filter.items.map((item, index) => {
    const text = describeItem(item, (path) => findFilterField(resource, principal, path), titleOf);
    const rest = filterToText({ ...filter, items: filter.items.filter((_, other) => other !== index) });
    return { text, removeUrl: url(listPath(resource, state, { filter: rest, ...start })), removeText: listTexts.removeFilter(text) };
  });
}

// More than a filter may be has no chips: it can only be cleared.
function readable(text: string): Group {
  try {
    return parseFilterText(text);
  } catch (error) {
    if (error instanceof AppError) return { kind: 'and', items: [] };
    throw error;
  }
}
