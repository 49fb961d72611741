import type { FilterOperator, ResourceField } from '../contract.ts';

type Conditions = (field: ResourceField) => Record<string, unknown>;

/** Is empty, and is not: what empty means, each kind says. */
export function emptiness(isEmpty: Conditions, isNotEmpty: Conditions): readonly FilterOperator[] {
  return [
    {
      name: 'empty',
      label: 'is empty',
      input: 'none',
      value: 'yes',
      includesEmpty: true,
      where: (_texts, field) => ({ value: isEmpty(field) }),
    },
    {
      name: 'empty',
      label: 'is not empty',
      input: 'none',
      value: 'no',
      includesEmpty: false,
      where: (_texts, field) => ({ value: isNotEmpty(field) }),
    },
  ];
}

/** Empty is null: nothing to offer for a field that always has a value. */
export function nullness(field: ResourceField): readonly FilterOperator[] {
  return field.meta.isRequired ? [] : whetherNull;
}

const whetherNull = emptiness(
  ({ meta }) => ({ [meta.name]: null }),
  ({ meta }) => ({ [meta.name]: { not: null } }),
);
