import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { FormTexts } from '../../form-texts.ts';
import { textsOf } from '../../form-texts.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { type RelatedOption, relationTarget, searchRelated } from '../../selection/related.ts';
import { inputTexts } from '../controls/input-texts.ts';
import { noteOf } from '../controls/options.ts';
import type { Body } from '../form.ts';
import { isMany } from './record-input.ts';

/**
 * The step of a form in which a related record is searched and chosen without JavaScript;
 * everything typed comes along.
 */
export interface ChooseData {
  title: string;
  heading: string;
  action: string;
  fieldName: string;
  /** The form as it was sent. */
  kept: readonly { name: string; value: string }[];
  search: { label: string; value: string };
  options: readonly RelatedOption[];
  note: string | null;
  canClear: boolean;
  words: typeof inputTexts;
}

const own = ['_csrf', '_choose', '_find', '_return'];

/** Null: the form does not ask for the step. */
export async function chooseData(
  {
    registry,
    sql,
    resource,
    principal,
    action,
  }: {
    registry: ResourceRegistry;
    sql: Queryable;
    resource: Resource;
    principal: Principal;
    action: string;
  },
  body: Body,
): Promise<ChooseData | null> {
  const asked = textsOf(body._choose).at(-1);
  const field = resource.form.find(({ name }) => name === asked);
  const target = field && relationTarget(resource, field);
  if (!field || !target) return null;
  const search = textsOf(body._find).at(-1) ?? '';
  const found = await searchRelated({ registry, sql }, target, principal, search);
  const heading = inputTexts.chooseHeading(field.label);
  return {
    title: heading,
    heading,
    action,
    fieldName: field.name,
    kept: pairsOf(body),
    search: { label: inputTexts.search(target.resource.label), value: search },
    options: found.options,
    note: noteOf(found),
    canClear: !isMany(field) && !field.meta.isRequired,
    words: inputTexts,
  };
}

/** Everything that a form sent, to be sent again. */
export function pairsOf(body: Body): { name: string; value: string }[] {
  return Object.entries(body)
    .filter(
      ([name]) =>
        !own.includes(name) && !name.startsWith('_chosen.') && !name.startsWith('_sealed.'),
    )
    .flatMap(([name, value]) => textsOf(value).map((text) => ({ name, value: text })));
}

/**
 * What the step was left with: the texts with the choice in them; null where the form comes from
 * elsewhere.
 */
export function chosenTexts(resource: Resource, texts: FormTexts, body: Body): FormTexts | null {
  if (body._return !== undefined) return texts;
  const field = resource.form.find(({ name }) => body[`_chosen.${name}`] !== undefined);
  if (!field) return null;
  const value = textsOf(body[`_chosen.${field.name}`]).at(-1) ?? '';
  return { ...texts, [field.name]: choiceOf(field, texts, value) };
}

function choiceOf(field: ResourceField, texts: FormTexts, value: string): string | string[] {
  return isMany(field)
    ? [...new Set([...[ownProperty(texts, field.name) ?? []].flat(), value])]
    : value;
}

declare module '../pages.ts' {
  interface Pages {
    'records/choose': ChooseData;
  }
}
