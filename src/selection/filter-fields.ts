import type { Principal } from '../auth/principal.ts';
import type { FilterOperator } from '../fields/contract.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { can } from '../resources/permissions.ts';
import type { Condition } from './filter.ts';

export type { FilterOperator, OperatorInput } from '../fields/contract.ts';

/** A field that a filter may name. */
export interface FilterField {
  /** `population`, `country.name`. */
  readonly path: string;
  /** `Population`, `Country: Name`. */
  readonly label: string;
  readonly field: ResourceField;
  /** The relation that leads to it, of a related record's field. */
  readonly via: ResourceField | null;
  readonly operators: readonly FilterOperator[];
}

// Prisma takes a field of such a name for a logical operator, whatever its case.
const unfilterable = new Set(['and', 'or', 'not']);

/** How a filter may compare a field, the most usual first. */
function operatorsOf(field: ResourceField): readonly FilterOperator[] {
  if (unfilterable.has(field.name.toLowerCase()) || unfilterable.has(field.meta.name.toLowerCase()))
    return [];
  return getFieldKind(field).operators(field);
}

/**
 * The operator that a condition means; null: the field has none of this name, or not with this
 * value.
 */
export function findOperator(
  field: FilterField,
  { operator, values }: Condition,
): FilterOperator | null {
  return (
    field.operators.find(
      ({ name, value }) => name === operator && (value === null || value === values[0]),
    ) ?? null
  );
}

/**
 * Every field that a filter may name: what the resource shows, and one level of what its related
 * records show.
 */
export function filterFieldsOf(resource: Resource, principal: Principal): FilterField[] {
  const own = resource.fields;
  const related = own.flatMap((via) => relatedFields(resource, principal, via));
  return [...own.map((field) => filterField(field, null)), ...related].filter(
    ({ operators }) => operators.length > 0,
  );
}

export function findFilterField(
  resource: Resource,
  principal: Principal,
  path: string,
): FilterField | null {
  const [name, relatedName, ...more] = path.split('.');
  const own = resource.fields.find((field) => field.name === name);
  if (!own || more.length > 0) return null;
  const found =
    relatedName === undefined
      ? filterField(own, null)
      : (relatedFields(resource, principal, own).find(({ field }) => field.name === relatedName) ??
        null);
  return found && found.operators.length > 0 ? found : null;
}

function filterField(field: ResourceField, via: ResourceField | null): FilterField {
  return {
    path: via ? `${via.name}.${field.name}` : field.name,
    label: via ? `${via.label}: ${field.label}` : field.label,
    field,
    via,
    operators: operatorsOf(field),
  };
}

function relatedFields(
  resource: Resource,
  principal: Principal,
  via: ResourceField,
): FilterField[] {
  const relation = via.relation ?? via.meta.relation;
  const related = relation ? resource.related(relation.model) : null;
  if (!related || !can(related, principal, 'list')) return [];
  return related.fields
    .filter((field) => !field.relation && !field.meta.relation)
    .map((field) => filterField(field, via));
}
