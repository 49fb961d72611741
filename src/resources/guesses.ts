import { scalarKind } from '../fields/scalar-kind.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';

/** `featureCode` → `Feature code`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]{2,})([A-Z][a-z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .trim();
  const lower = words.replace(
    /\b([A-Z])([a-z]+)/g,
    (_, first: string, rest: string) => first.toLowerCase() + rest,
  );
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

/**
 * What a model or a field is called by people. A database that was read may have names that Prisma
 * does not take (`日`, `2nd`), and shows them; a relation there is called after the column that
 * leads to it (`placed_by`, `customer` for `customer_id`).
 */
export function nameIn(
  { isFound }: Pick<Metadata, 'isFound'>,
  { name, dbColumn }: Pick<FieldMeta, 'name' | 'dbColumn'>,
  key?: FieldMeta,
): string {
  if (!isFound) return name;
  const own = key ? withoutId(key.dbColumn ?? name) : (dbColumn ?? name);
  const isOdd = /[^\x00-\x7f]|^\d/.test(own) && /[\p{L}\p{N}]/u.test(own);
  return key || isOdd ? own : name;
}

/** `customer_id`, `customerId` and `customer_fk` as `customer`. */
export function withoutId(name: string): string {
  return name.replace(/(?<=.)(?:_id|_ID|_fk|(?<=[a-z0-9])I[dD])$/, '');
}

const irregular: readonly (readonly [singular: string, plural: string])[] = [
  ['person', 'people'],
  ['child', 'children'],
  ['man', 'men'],
  ['woman', 'women'],
  ['status', 'statuses'],
];

const uncountable =
  /(news|series|species|data|metadata|information|equipment|staff|history|settings)$/i;

/** `Country` → `Countries`; what is a plural stays. */
export function pluralOf(name: string): string {
  if (uncountable.test(name) || /[^\x00-\x7f]$/.test(name)) return name;
  const other = irregularOf(name, 0);
  if (other) return other;
  if (singularOf(name) !== name) return name;
  if (/sis$/i.test(name)) return `${name.slice(0, -2)}es`;
  if (/[^aeiou]y$/i.test(name)) return `${name.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/i.test(name) ? `${name}es` : `${name}s`;
}

/**
 * `Countries` → `Country`; what is a singular stays. Models that were made from tables are often
 * named in the plural.
 */
export function singularOf(name: string): string {
  if (uncountable.test(name)) return name;
  const other = irregularOf(name, 1);
  if (other) return other;
  if (/[^aeiou]ies$/i.test(name)) return `${name.slice(0, -3)}y`;
  if (/(ss|us|sis)$/i.test(name)) return name;
  if (/(sses|shes|ches|xes|zes)$/i.test(name)) return name.slice(0, -2);
  return name.length > 3 && /s$/i.test(name) ? name.slice(0, -1) : name;
}

/** The other number of a name whose last word is irregular: not every `human` is a man. */
function irregularOf(name: string, from: 0 | 1): string | null {
  for (const pair of irregular) {
    const [word, other] = from === 0 ? pair : [pair[1], pair[0]];
    const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
    if (name.endsWith(capital(word))) return name.slice(0, -word.length) + capital(other);
    if (name === word || name.endsWith(`_${word}`)) return name.slice(0, -word.length) + other;
  }
  return null;
}

/** `OrderLines` → `order-lines`. */
export function slugOf(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]{2,})([A-Z][a-z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

// As the last word of a name too: `productName`, `job_title`.
const names = ['title', 'name', 'label', 'subject', 'headline'];
const handles = ['username', 'email', 'slug', 'code', 'sku', 'reference', 'number'];

/**
 * How well a text titles a record, going by its name; less is better, null is not at all. A first
 * name is half of one.
 */
function placeAsTitle({ name, type }: FieldMeta): number | null {
  if (type !== 'String') return null;
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split('_')
    .filter(Boolean);
  const last = words.at(-1) ?? '';
  const isPlain = words.length === 1;
  if (/^(first|last|middle|given|family)_?name$/i.test(name)) return 60;
  if (names.includes(last)) return (isPlain ? 0 : 20) + names.indexOf(last);
  if (handles.includes(last)) return (isPlain ? 40 : 80) + handles.indexOf(last);
  return null;
}

/** Is it a text that names a record, going by its own name? */
export function isUsualTitle(field: FieldMeta): boolean {
  return placeAsTitle(field) !== null;
}

/** A text that fills more than a cell, going by its name. */
export function isLongText({ name, type }: FieldMeta): boolean {
  return (
    type === 'String' &&
    /(^|_|[a-z](?=[A-Z]))(notes?|remarks?|comments?|description|summary|content|body|bio|html|markdown)$/i.test(
      name,
    )
  );
}

/**
 * The field that tells people which record it is: a text of a usual name, else a unique one, else
 * the first short one, else the id. Of the fields that there are: secrets and hidden ones are left
 * out before.
 */
export function titleFieldOf({ idFields, fields: own }: ModelMeta): string {
  const fields = Object.values(own).filter((field) => field.kind === 'scalar' && !field.isList);
  const usual = fields
    .filter((field) => isUsualTitle(field) && field.foreignKeyOf === null)
    .sort((a, b) => (placeAsTitle(a) ?? 0) - (placeAsTitle(b) ?? 0))[0];
  const texts = fields.filter(
    (field) =>
      field.type === 'String' &&
      field.sqlType !== 'uuid' &&
      !field.isId &&
      field.foreignKeyOf === null,
  );
  const text =
    texts.find((field) => field.isUnique) ?? texts.find((field) => !isLongText(field)) ?? texts[0];
  const id = idFields.find((name) => Object.hasOwn(own, name));
  const first = Object.values(own).find((field) => field.column !== null && !field.isList);
  return usual?.name ?? text?.name ?? id ?? first?.name ?? '';
}

/** The field that a list begins ordered by: the id, whose index is there; bytes have no order. */
export function sortFieldOf(model: ModelMeta, titleField: string): string {
  const candidates = model.idFields.length > 0 ? model.idFields.slice(0, 1) : [titleField];
  return (
    candidates.find((name) => model.fields[name] && scalarKind(model.fields[name]).isSortable) ?? ''
  );
}
