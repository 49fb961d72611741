import type { Parsed } from '../../fields/contract.ts';
import { isPlainObject } from '../../fields/plain-value.ts';
import { didYouMean } from '../../nearest.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import type { Edit, EditInput } from '../edits/contract.ts';
import { editsFor } from '../edits/edits.ts';
import { isMany } from '../edits/field-family.ts';
import { controlText, givenText } from '../given-text.ts';
import { assertNoErrors, type GivenValues } from '../parse-given.ts';

type SentControls = Record<string, string | readonly string[]>;

/**
 * What the form of an edit would send of values by field: the value that the field becomes, null
 * where it becomes empty, or an edit by its name: `{ multiply: 2 }`, `{ add: ['1'] }`, `{ toggle:
 * true }`; of several controls `{ shift: { value: 3, unit: 'days' } }`.
 * Throws AppError 'invalid-operation' (422) with details.fieldErrors by the names that were given.
 */
export function bodyOfEdits(resource: Resource, values: GivenValues): SentControls {
  const fieldErrors: Record<string, string> = {};
  const chosen: string[] = [];
  const body: SentControls = { field: chosen };
  for (const [name, given] of Object.entries(values)) {
    const field = resource.bulkFields.find((one) => one.name === name || one.meta.name === name);
    const known = resource.bulkFields.map((one) => one.name);
    const edit: Parsed<SentControls> = field
      ? bodyOfEdit(resource, field, given)
      : {
          error: `There is no field "${name}" that can be changed in bulk.${didYouMean(name, known)}`,
        };
    if ('error' in edit) fieldErrors[name] = edit.error;
    else {
      chosen.push((field as ResourceField).name);
      Object.assign(body, edit.value);
    }
  }
  assertNoErrors(fieldErrors);
  return body;
}

function bodyOfEdit(
  resource: Resource,
  field: ResourceField,
  given: unknown,
): Parsed<SentControls> {
  const offered = editsFor(field, resource);
  const isEmpty = given === null || (isMany(field) && Array.isArray(given) && given.length === 0);
  const [name = '', ...more] = isPlainObject(given) ? Object.keys(given) : [];
  const named = more.length === 0 ? offered.find((edit) => edit.name === name) : undefined;
  const find = (...names: string[]) => offered.find((edit) => names.includes(edit.name));
  const edit = named ?? (isEmpty ? find('clear') : find('set', 'replace'));
  if (!edit) return { error: `${field.label} cannot be changed in this way.` };
  const value = named ? (given as GivenValues)[name] : isEmpty || given;
  const controls = bodyOfInputs(resource, field, edit, value);
  if (!('error' in controls))
    return { value: { [`change.${field.name}`]: edit.name, ...controls.value } };
  if (named || !isPlainObject(given)) return controls;
  const names = offered.map((one) => one.name).join(', ');
  return { error: `Give ${field.label} a value, or one of these with what it asks for: ${names}.` };
}

function bodyOfInputs(
  resource: Resource,
  field: ResourceField,
  { name, inputs: inputsOf }: Edit,
  value: unknown,
): Parsed<SentControls> {
  const { label } = field;
  const inputs = inputsOf(field, resource);
  if (inputs.length === 0) {
    const isSaid = value === true;
    return isSaid ? { value: {} } : { error: `${label}: “${name}” is said by true.` };
  }
  const isOne = inputs.length === 1;
  if (!isOne && !isPlainObject(value)) {
    const names = inputs.map((input) => input.name).join(', ');
    return { error: `${label}: “${name}” takes an object of ${names}.` };
  }
  const values = isOne ? { [inputs[0]?.name ?? '']: value } : (value as GivenValues);
  const unknown = Object.keys(values).find((one) => !inputs.some((input) => input.name === one));
  if (unknown !== undefined) return { error: `${label}: “${name}” takes no “${unknown}”.` };
  const body: SentControls = {};
  for (const input of inputs) {
    const text = textOf(resource, field, input, ownProperty(values, input.name));
    if (text === undefined) continue;
    if ('error' in text) return text;
    body[`${input.name}.${field.name}`] = text.value;
  }
  return { value: body };
}

/** Undefined: nothing was given, which the edit itself answers. */
function textOf(
  resource: Resource,
  field: ResourceField,
  { control, name }: EditInput,
  value: unknown,
): Parsed<string | string[]> | undefined {
  if (value === undefined || value === null) return undefined;
  if (control === 'field') return givenText(value, field, resource.reader);
  const text = controlText(value);
  if (text === null) return { error: `${field.label}: “${name}” is a text or a number.` };
  const source = resource.fields.find(({ meta }) => meta.name === text);
  return { value: control === 'field-name' ? (source?.name ?? text) : text };
}
