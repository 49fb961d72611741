import type { FieldKind, FilterOperator, ResourceField } from './contract.ts';
import { nullness } from './operators/empty.ts';
import { relationOperators } from './operators/relations.ts';

/**
 * What can be shown but not written here: records of another model, types that Prisma does not
 * know.
 */
export const readOnly: FieldKind = {
  name: 'read-only',
  input: 'none',
  filter: null,
  isSortable: false,
  isSearchable: false,
  format(value) {
    if (Array.isArray(value)) return { text: value.map(titleOf).join(', '), align: 'start' };
    return { text: value === null || value === undefined ? '' : String(value), align: 'start' };
  },
  toForm: () => '',
  parse: (_input, field) => ({ error: `${field.label} cannot be changed.` }),
  toSql: () => null,
  fromText: (text) => text,
  operators: operatorsOfReadOnly,
};

function operatorsOfReadOnly(field: ResourceField): readonly FilterOperator[] {
  if (field.meta.relation) return relationOperators(field);
  return field.meta.kind === 'unsupported' ? [] : nullness(field);
}

function titleOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'title' in value
    ? String(value.title)
    : String(value);
}
