import type { Principal } from '../../auth/principal.ts';
import type { ChangeKind, InputKind } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { bulkTexts } from '../texts/bulk.ts';
import { listRelated } from './related-options.ts';

export interface Option {
  value: string;
  label: string;
  isSelected: boolean;
}

/** One field of the bulk edit form, with what was typed. */
export interface BulkField {
  name: string;
  id: string;
  label: string;
  isChosen: boolean;
  changeLabel: string;
  changes: readonly Option[];
  input: InputKind;
  valueName: string;
  valueLabel: string;
  value: string;
  /** Null: not one of a fixed set. */
  options: readonly Option[] | null;
  hint: string | null;
  isDecimal: boolean;
  error: string | null;
}

export type Body = Record<string, unknown>;

export function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');
}

/** The form's fields; one statement for each relation among them. */
export async function bulkFields(
  register: Register,
  resource: Resource,
  principal: Principal,
  body: Body,
  errors: Readonly<Record<string, string>>,
): Promise<BulkField[]> {
  const chosen = textsOf(body.field);
  return Promise.all(
    resource.bulkFields.map(async (field) => {
      const kind = getFieldKind(field);
      const values = textsOf(body[`value.${field.name}`]);
      const change = textsOf(body[`change.${field.name}`])[0];
      const offered = kind.changesOf(field);
      const current = offered.includes(change as ChangeKind) ? change : offered[0];
      const options = await optionsOf(register, principal, field, kind.input, values);
      return {
        name: field.name,
        id: `bulk-${field.name}`,
        label: field.label,
        isChosen: chosen.includes(field.name),
        changeLabel: bulkTexts.change(field.label),
        changes: offered.map((value) => ({ value, label: bulkTexts.changes[value], isSelected: value === current })),
        input: kind.input,
        valueName: `value.${field.name}`,
        valueLabel: bulkTexts.valueOf(field.label),
        value: values.at(-1) ?? '',
        options,
        hint: hintOf(field, kind.input, options),
        isDecimal: !['Int', 'BigInt'].includes(field.meta.type),
        error: errors[field.name] ?? null,
      };
    }),
  );
}

function hintOf(field: ResourceField, input: InputKind, options: readonly Option[] | null): string | null {
  if (input === 'date-time') return bulkTexts.utc;
  return (input === 'relation' || input === 'relations') && options === null
    ? bulkTexts.relationId(field.relation?.model ?? field.label)
    : null;
}

async function optionsOf(
  register: Register,
  principal: Principal,
  field: ResourceField,
  input: InputKind,
  values: readonly string[],
): Promise<Option[] | null> {
  const option = (value: string, label: string): Option => ({ value, label, isSelected: values.includes(value) });
  if (input === 'select') return (field.enum?.values ?? []).map(({ name }) => option(name, name));
  if (input === 'checkbox') return [option('true', bulkTexts.yes), option('false', bulkTexts.no)];
  if (input !== 'relation' && input !== 'relations') return null;
  const related = await listRelated(register, principal, field);
  return related ? related.map(({ value, label }) => option(value, label)) : null;
}
