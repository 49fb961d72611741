import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { limits, limitTexts } from '../limits.ts';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { idFieldsOf } from '../metadata/model-fields.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { relatedView } from './related-view.ts';

/** One of the columns a list is ordered by. */
export interface SortKey {
  /** As in the URL: `population`, `country`, `country.name`. */
  path: string;
  isDescending: boolean;
  /** The to-one relation in front of the column. */
  through: ResourceField | null;
  /** Own column, or the related record's. */
  meta: FieldMeta;
}

/**
 * Reads `country.name,-population`. A relation sorts by the related record's title. Throws AppError
 * 'invalid-sort'.
 */
export function parseSort(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  text: string,
): SortKey[] {
  const keys = sortParts(text).map(({ path, isDescending }) => {
    const found = findSortable(registry, resource, principal, path);
    if (!found) throw invalid(`${resource.label} cannot be sorted by "${path}".`);
    return { path, isDescending, ...found };
  });
  const twice = keys.find(
    ({ path }, index) => keys.findIndex((other) => other.path === path) !== index,
  );
  if (twice) throw invalid(`${resource.label} cannot be sorted by "${twice.path}" twice.`);
  if (keys.length > limits.list.sortColumns) throw invalid(limitTexts.sorts);
  return keys;
}

/** The order's columns as they are written, whether or not there are such. */
export function sortParts(text: string): { path: string; isDescending: boolean }[] {
  if (text === '') return [];
  return text
    .split(',')
    .map((part) => ({ path: part.replace(/^-/, ''), isDescending: part.startsWith('-') }));
}

/**
 * The key last, in the direction of what stands before it, so that the order is total and an index
 * can be read either way.
 */
export function withTieBreak(model: ModelMeta, keys: readonly SortKey[]): SortKey[] {
  const isDescending = keys.at(-1)?.isDescending ?? false;
  const ids = idFieldsOf(model);
  const ties = ids.length > 0 ? ids : Object.values(model.fields).filter(hasOrder);
  const missing = ties.filter(
    ({ name }) => !keys.some(({ through, meta }) => !through && meta.name === name),
  );
  return [
    ...keys,
    ...missing.map((meta) => ({ path: meta.name, isDescending, through: null, meta })),
  ];
}

function hasOrder(meta: FieldMeta): boolean {
  return (
    meta.column !== null &&
    !meta.isSecret &&
    (meta.kind === 'scalar' || meta.kind === 'enum') &&
    scalarKind(meta).isSortable
  );
}

export function sortText(keys: readonly { path: string; isDescending: boolean }[]): string {
  return keys.map(({ path, isDescending }) => `${isDescending ? '-' : ''}${path}`).join(',');
}

/** Null: not a column, or not one that has an order, or not for this principal's eyes. */
export function findSortable(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  path: string,
): Pick<SortKey, 'through' | 'meta'> | null {
  const [name, leaf, ...more] = path.split('.');
  if (more.length > 0) return null;
  const field = resource.fields.find((candidate) => candidate.name === name);
  if (!field) {
    const id =
      leaf === undefined && resource.model.idFields.includes(name ?? '')
        ? resource.model.fields[name ?? '']
        : undefined;
    return id && scalarKind(id).isSortable ? { through: null, meta: id } : null;
  }
  if (field.relation?.kind !== 'to-one') {
    return leaf === undefined && field.meta.column && getFieldKind(field).isSortable
      ? { through: null, meta: field.meta }
      : null;
  }
  const related = relatedView(registry, resource, principal, field.relation.model);
  if (!related) return leaf === undefined ? { through: null, meta: field.meta } : null;
  const wanted = leaf ?? related.titleField;
  const isSeen =
    wanted === related.titleField ||
    related.resource?.fields.some(({ name: own, relation }) => own === wanted && !relation);
  const meta = isSeen ? related.model.fields[wanted] : undefined;
  return meta?.column && scalarKind(meta).isSortable ? { through: field, meta } : null;
}

function invalid(message: string): AppError {
  return new AppError('invalid-sort', 422, message, { field: '_sort' });
}
