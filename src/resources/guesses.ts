import type { ModelMeta } from '../metadata/contract.ts';

/** `featureCode` → `Feature code`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .trim();
  const lower = words.replace(/\b([A-Z])([a-z]+)/g, (_, first: string, rest: string) => first.toLowerCase() + rest);
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

export function pluralOf(name: string): string {
  if (/[^aeiou]y$/i.test(name)) return `${name.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/i.test(name) ? `${name}es` : `${name}s`;
}

/** `OrderLines` → `order-lines`. */
export function slugOf(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

const titles = ['title', 'name', 'label', 'displayName', 'fullName', 'subject', 'email', 'slug', 'code'];

/** The field that tells people which record it is: a usual name, else the first text, else the id. */
export function titleFieldOf(model: ModelMeta): string {
  const fields = Object.values(model.fields).filter((field) => field.kind === 'scalar' && !field.isList);
  const usual = titles.find((name) => fields.some((field) => field.name === name));
  const text = fields.find((field) => field.type === 'String' && !field.isId && field.foreignKeyOf === null);
  return usual ?? text?.name ?? model.idFields[0] ?? fields[0]?.name ?? '';
}
