import type { Principal } from '../../auth/principal.ts';
import type { InputKind } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Change, ChangeInput } from '../../operations/changes/contract.ts';
import { changesFor } from '../../operations/changes/register.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { bulkTexts } from '../texts/bulk.ts';
import { type ChangeInputTexts, changeTexts, choiceTexts } from '../texts/changes.ts';
import { listRelated } from './related-options.ts';
import type { Urls } from './url.ts';

export interface Option {
  value: string;
  label: string;
  isSelected: boolean;
}

/** One control of a change, with what was typed. */
export interface BulkInput {
  id: string;
  /** In the form: `value.status`. */
  name: string;
  label: string;
  /** Of several fields that have a control of this name, which: read out, not shown. */
  of: string;
  input: InputKind;
  value: string;
  /** Null: not one of a fixed set. */
  options: readonly Option[] | null;
  hint: string | null;
  isDecimal: boolean;
  isWrong: boolean;
  /** Ids of the texts that describe the control. */
  describedBy: string;
}

/** The controls of the change that is chosen for a field. */
export interface BulkInputs {
  id: string;
  inputs: readonly BulkInput[];
  error: string | null;
  choose: string;
}

/** One field of the bulk edit form. */
export interface BulkField {
  name: string;
  id: string;
  label: string;
  isChosen: boolean;
  changeLabel: string;
  changes: readonly Option[];
  /** Answers the controls of another change. */
  inputsUrl: string;
  inputs: BulkInputs;
}

export type Body = Record<string, unknown>;

export function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');
}

export interface FieldsParts {
  register: Register;
  resource: Resource;
  principal: Principal;
  body: Body;
  errors: Readonly<Record<string, string>>;
  url: Urls;
}

/** The form's fields; one statement for each relation among them. */
export async function bulkFields(parts: FieldsParts): Promise<BulkField[]> {
  const { resource, body, url } = parts;
  const chosen = textsOf(body.field);
  return Promise.all(
    resource.bulkFields.map(async (field) => {
      const offered = changesFor(field, resource);
      const current = currentChange(parts, field);
      return {
        name: field.name,
        id: `bulk-${field.name}`,
        label: field.label,
        isChosen: chosen.includes(field.name),
        changeLabel: bulkTexts.change(field.label),
        changes: offered.map(({ name }) => ({ value: name, label: changeTexts[name].label, isSelected: name === current.name })),
        inputsUrl: url(`/${resource.slug}/bulk-edit/inputs?of=${encodeURIComponent(field.name)}`),
        inputs: await bulkInputs(parts, field),
      };
    }),
  );
}

/** The controls of the change that is chosen for a field; one statement for a relation. */
export async function bulkInputs(parts: FieldsParts, field: ResourceField): Promise<BulkInputs> {
  const change = currentChange(parts, field);
  const error = parts.errors[field.name] ?? null;
  const id = `bulk-${field.name}`;
  const inputs = await Promise.all(
    change.inputs(field, parts.resource).map((input) => bulkInput(parts, field, input, changeTexts[change.name].inputs[input.name])),
  );
  return { id, inputs, error, choose: bulkTexts.choose };
}

function currentChange({ resource, body }: FieldsParts, field: ResourceField): Change {
  const offered = changesFor(field, resource);
  const wanted = textsOf(body[`change.${field.name}`]).at(-1);
  return offered.find(({ name }) => name === wanted) ?? (offered[0] as Change);
}

async function bulkInput(parts: FieldsParts, field: ResourceField, input: ChangeInput, texts?: ChangeInputTexts): Promise<BulkInput> {
  const { body, errors } = parts;
  const values = textsOf(body[`${input.name}.${field.name}`]);
  const kind = inputKind(field, input);
  const options = await optionsOf(parts, field, input, kind, values);
  const id = `bulk-${field.name}-${input.name}`;
  const hint = texts?.hint ?? (input.control === 'field' ? hintOf(field, kind, options) : null);
  const error = errors[field.name];
  return {
    id,
    name: `${input.name}.${field.name}`,
    label: texts?.label ?? input.name,
    of: field.label,
    input: kind,
    value: values.join(kind === 'textarea' && field.meta.isList ? '\n' : ', '),
    options,
    hint,
    isDecimal: !['Int', 'BigInt'].includes(field.meta.type) || input.control === 'number',
    isWrong: error !== undefined,
    describedBy: [hint ? `${id}-hint` : '', error ? `bulk-${field.name}-error` : ''].filter(Boolean).join(' '),
  };
}

function inputKind(field: ResourceField, { control }: ChangeInput): InputKind {
  if (control === 'choice' || control === 'field-name') return 'select';
  if (control !== 'field') return control;
  return field.meta.isList && !field.relation ? 'textarea' : getFieldKind(field).input;
}

function hintOf(field: ResourceField, input: InputKind, options: readonly Option[] | null): string | null {
  if (input === 'date-time') return bulkTexts.utc;
  if (field.meta.isList && !field.relation) return bulkTexts.onePerLine;
  return (input === 'relation' || input === 'relations') && options === null
    ? bulkTexts.relationId(field.relation?.model ?? field.label)
    : null;
}

async function optionsOf(
  { register, resource, principal }: FieldsParts,
  field: ResourceField,
  { control, choices = [] }: ChangeInput,
  input: InputKind,
  values: readonly string[],
): Promise<Option[] | null> {
  const option = (value: string, label: string): Option => ({ value, label, isSelected: values.includes(value) });
  if (control === 'choice') return choices.map((value) => option(value, choiceTexts[value] ?? value));
  if (control === 'field-name')
    return choices.map((value) => option(value, resource.fields.find(({ name }) => name === value)?.label ?? value));
  if (control !== 'field') return null;
  if (input === 'select') return (field.enum?.values ?? []).map(({ name }) => option(name, name));
  if (input === 'checkbox') return [option('true', bulkTexts.yes), option('false', bulkTexts.no)];
  if (input !== 'relation' && input !== 'relations') return null;
  const related = await listRelated(register, principal, field);
  return related ? related.map(({ value, label }) => option(value, label)) : null;
}
