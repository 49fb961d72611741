import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { textsOf } from '../../form-texts.ts';
import type { Edit, EditInput } from '../../operations/edits/contract.ts';
import { editsFor } from '../../operations/edits/edits.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { type InputData, inputData, plainInput } from '../controls/input.ts';
import { zoneHint } from '../controls/zone-hint.ts';
import type { Body } from '../form.ts';
import { recordTexts } from '../records/records-texts.ts';
import type { Url } from '../url.ts';
import { bulkTexts } from './bulk-texts.ts';
import { choiceTexts, type EditInputTexts, editTexts } from './edits-texts.ts';

export interface Option {
  value: string;
  label: string;
  isSelected: boolean;
}

/** One control of a change, with what was typed. */
export interface BulkInput {
  label: string;
  /** Of several fields that have a control of this name, which: read out, not shown. */
  of: string;
  hint: string | null;
  input: InputData;
}

/** The controls of the change that is chosen for a field. */
export interface BulkInputs {
  id: string;
  inputs: readonly BulkInput[];
  error: string | null;
}

/** One field of the bulk edit form. */
export interface BulkField {
  name: string;
  id: string;
  label: string;
  isChosen: boolean;
  changeLabel: string;
  edits: readonly Option[];
  /** Answers the controls of another change. */
  inputsUrl: string;
  inputs: BulkInputs;
}

export interface FieldsParts {
  registry: ResourceRegistry;
  sql: Queryable;
  resource: Resource;
  principal: Principal;
  body: Body;
  errors: Readonly<Record<string, string>>;
  url: Url;
}

/** The form's fields; one statement for each relation among them. */
export async function bulkFields(parts: FieldsParts): Promise<BulkField[]> {
  const { resource, body, url } = parts;
  const chosen = textsOf(body.field);
  return Promise.all(
    resource.bulkFields.map(async (field) => {
      const current = currentChange(parts, field);
      return {
        name: field.name,
        id: `bulk-${field.name}`,
        label: field.label,
        isChosen: chosen.includes(field.name),
        changeLabel: bulkTexts.change,
        edits: editsFor(field, resource).map(({ name }) => ({
          value: name,
          label: editTexts[name].label,
          isSelected: name === current.name,
        })),
        inputsUrl: url(`/${resource.slug}/bulk-edit/inputs?of=${encodeURIComponent(field.name)}`),
        inputs: await bulkInputs(parts, field),
      };
    }),
  );
}

/** The controls of the change that is chosen for a field; one statement for a relation. */
export async function bulkInputs(parts: FieldsParts, field: ResourceField): Promise<BulkInputs> {
  const change = currentChange(parts, field);
  const inputs = await Promise.all(
    change
      .inputs(field, parts.resource)
      .map((input) => bulkInput(parts, field, input, editTexts[change.name].inputs[input.name])),
  );
  return { id: `bulk-${field.name}`, inputs, error: ownProperty(parts.errors, field.name) ?? null };
}

function currentChange({ resource, body }: FieldsParts, field: ResourceField): Edit {
  const offered = editsFor(field, resource);
  const wanted = textsOf(body[`change.${field.name}`]).at(-1);
  return offered.find(({ name }) => name === wanted) ?? (offered[0] as Edit);
}

async function bulkInput(
  parts: FieldsParts,
  field: ResourceField,
  control: EditInput,
  texts?: EditInputTexts,
): Promise<BulkInput> {
  const { body, errors } = parts;
  const name = `${control.name}.${field.name}`;
  const id = `bulk-${field.name}-${control.name}`;
  const hint = texts?.hint ?? (control.control === 'field' ? hintOf(field, parts.resource) : null);
  const label = texts?.label ?? control.name;
  const error = ownProperty(errors, field.name);
  const about = {
    ...parts,
    field,
    name,
    id,
    values: textsOf(ownProperty(body, name)),
    emptyText: bulkTexts.choose,
    again: { name: '_do', value: 'inputs' },
    isSmall: true,
    isWrong: error !== undefined,
    describedBy:
      [hint ? `${id}-hint` : '', error ? `bulk-${field.name}-error` : '']
        .filter(Boolean)
        .join(' ') || null,
  };
  const input =
    control.control === 'field'
      ? await inputData(about)
      : plainInput(about, ownControl(parts, control, about.values));
  const isGroup = input.control === 'checkboxes';
  return {
    label,
    of: field.label,
    hint,
    input: { ...input, rows: 3, ariaLabel: isGroup ? `${label}: ${field.label}` : null },
  };
}

function ownControl(
  { resource }: FieldsParts,
  { control, choices = [] }: EditInput,
  values: readonly string[],
): Partial<InputData> {
  const labelOf = (value: string) =>
    control === 'choice'
      ? (ownProperty(choiceTexts, value) ?? value)
      : (resource.fields.find(({ name }) => name === value)?.label ?? value);
  if (control === 'choice' || control === 'field-name') {
    const options = choices.map((value) => ({
      value,
      label: labelOf(value),
      isChosen: values.includes(value),
    }));
    return { control: 'select', options, emptyText: bulkTexts.choose };
  }
  return control === 'number' ? { control: 'number', inputMode: 'decimal' } : { control: 'text' };
}

function hintOf(field: ResourceField, { reader }: Resource): string | null {
  if (field.meta.isList && !field.relation && !field.kind) return recordTexts.onePerLine;
  return zoneHint(field, reader);
}
