import type { Resource, ResourceField } from '../../resources/contract.ts';
import type { RelatedOption, RelatedOptions } from '../../selection/related.ts';
import { backPath } from '../list-address.ts';
import type { Url } from '../url.ts';
import { inputTexts } from './input-texts.ts';

/**
 * What a picker shows under its control; as a page of its own, ways to filter the list by one of
 * them.
 */
export interface OptionsData {
  title: string;
  heading: string;
  action: string;
  search: { label: string; value: string };
  /** The list's query, carried on. */
  back: string;
  backLink: { href: string; label: string };
  options: readonly (RelatedOption & { href: string })[];
  note: string | null;
  words: typeof inputTexts;
}

export interface OptionsParts {
  resource: Resource;
  field: ResourceField;
  /** Of the related resource. */
  targetLabel: string;
  search: string;
  found: RelatedOptions;
  back: string;
  url: Url;
}

export function optionsData({
  resource,
  field,
  targetLabel,
  search,
  found,
  back,
  url,
}: OptionsParts): OptionsData {
  return {
    title: inputTexts.chooseHeading(field.label),
    heading: inputTexts.chooseHeading(field.label),
    action: url(`/${resource.slug}/options/${encodeURIComponent(field.name)}`),
    search: { label: inputTexts.search(targetLabel), value: search },
    back,
    backLink: { href: url(backPath(resource, back)), label: inputTexts.backTo(resource.label) },
    options: found.options.map((option) => ({
      ...option,
      href: url(filteredPath(resource, field, option.value, back)),
    })),
    note: noteOf(found),
    words: inputTexts,
  };
}

export function noteOf({ options, isMore }: RelatedOptions): string | null {
  if (isMore) return inputTexts.more(options.length);
  return options.length === 0 ? inputTexts.noMatch : null;
}

function filteredPath(
  resource: Resource,
  field: ResourceField,
  value: string,
  back: string,
): string {
  const query = new URLSearchParams(back);
  for (const name of ['_page', '_after', '_before', '_s', field.name]) query.delete(name);
  query.append(field.name, value);
  return `/${resource.slug}?${query}`;
}

declare module '../pages.ts' {
  interface Pages {
    'records/options': OptionsData;
    'records/_options': OptionsData;
  }
}
