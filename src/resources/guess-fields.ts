import type { ResourceField } from '../fields/contract.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { isLongText, isUsualTitle } from './guesses.ts';

const maxColumns = 8;
const maxFilters = 6;
const maxSearched = 4;

/**
 * Columns of a list: the title, what the schema says of a record, the timestamps that are kept for
 * it, and last a plain number as its id.
 */
export function guessColumns(fields: readonly ResourceField[], titleField: string): string[] {
  const placeOf = ({ name, meta, relation }: ResourceField): number | null => {
    if (name === titleField) return 0;
    if (relation) return relation.kind === 'to-one' ? 1 : null;
    if (meta.kind === 'relation' || meta.isList || isLongText(meta)) return null;
    if (['Json', 'Bytes'].includes(meta.type) || meta.sqlType === 'xml') return null;
    if (isKept(meta)) return 2;
    if (!meta.isId) return 1;
    return meta.default === null ? 1 : meta.type === 'String' ? null : 3;
  };
  const guessed = placed(fields, placeOf).slice(0, maxColumns);
  return (
    guessed.length > 0 ? guessed : fields.filter(({ meta }) => meta.column !== null).slice(0, 1)
  ).map(({ name }) => name);
}

/** Quick filters: few choices first, then relations and numbers. */
export function guessFilters(fields: readonly ResourceField[]): ResourceField[] {
  const places: Readonly<Record<string, number>> = { choice: 0, boolean: 1, relation: 2, range: 3 };
  return placed(fields, (field) => {
    const { filter } = getFieldKind(field);
    return filter === null || field.meta.isId ? null : (places[filter] ?? 4);
  }).slice(0, maxFilters);
}

/** What a search looks through: the title, and texts that name a record in other ways. */
export function guessSearch(fields: readonly ResourceField[], titleField: string): ResourceField[] {
  return placed(fields, (field) => {
    if (!getFieldKind(field).isSearchable || field.relation) return null;
    if (field.name === titleField) return 0;
    return isUsualTitle(field.meta) || field.meta.isUnique ? 1 : null;
  }).slice(0, maxSearched);
}

/**
 * Fields by their place; those of one place stay in the order of the schema, those of none are left
 * out.
 */
function placed(
  fields: readonly ResourceField[],
  placeOf: (field: ResourceField) => number | null,
): ResourceField[] {
  return fields
    .map((field) => ({ field, place: placeOf(field) }))
    .filter((item): item is { field: ResourceField; place: number } => item.place !== null)
    .sort((a, b) => a.place - b.place)
    .map(({ field }) => field);
}

function isKept({ isUpdatedAt, default: given, type }: ResourceField['meta']): boolean {
  return (
    isUpdatedAt || (type === 'DateTime' && (given as { name?: string } | null)?.name === 'now')
  );
}
