import type { Resource } from '../../resources/contract.ts';

const byWord: readonly [RegExp, string][] = [
  [/cit(y|ies)|place|address|location/i, 'map-pin'],
  [/countr|region|nation/i, 'globe'],
  [/tag|label|categor/i, 'tag'],
  [/lang|locale/i, 'languages'],
  [/user|customer|person|people|member|author|contact/i, 'users'],
  [/order|cart|sale/i, 'shopping-cart'],
  [/product|item|article/i, 'package'],
  [/invoice|payment|bill/i, 'receipt'],
  [/post|page|document|note/i, 'file-text'],
  [/event|booking|appointment/i, 'calendar'],
];

/** A picture for a resource: its own, else guessed from its name. */
export function resourceIcon({
  model,
  label,
  icon,
}: Pick<Resource, 'model' | 'label' | 'icon'>): string {
  const guess = byWord.find(([word]) => word.test(model.name) || word.test(label));
  return icon ?? guess?.[1] ?? 'table-2';
}
