import type { Principal } from '../../auth/principal.ts';
import type { InputKind } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { Register, ResourceField } from '../../resources/contract.ts';
import { recordTexts } from '../texts/records.ts';
import { listRelated } from './related-options.ts';

/** One field of a form, with what was typed. */
export interface RecordField {
  name: string;
  id: string;
  label: string;
  input: InputKind;
  value: string;
  /** Null: not one of a list. */
  options: readonly { value: string; label: string; isChosen: boolean }[] | null;
  /** May be left empty, so that a list needs a way to say so. */
  isOptional: boolean;
  isFixed: boolean;
  isDecimal: boolean;
  isWide: boolean;
  maxLength: number | null;
  /** Shown beside the control. */
  hint: string | null;
  error: string | null;
  /** Ids of the texts that describe the control. */
  describedBy: string | null;
}

/** Texts of a form's controls by field name. */
export type FormTexts = Readonly<Record<string, string | readonly string[]>>;

/** The control's data; one statement for a relation. */
export async function recordField(
  register: Register,
  principal: Principal,
  field: ResourceField,
  { texts, error, isNew }: { texts: FormTexts; error: string | null; isNew: boolean },
): Promise<RecordField> {
  const kind = getFieldKind(field);
  const given = texts[field.name] ?? '';
  const values = typeof given === 'string' ? [given] : given;
  const id = `field-${field.name}`;
  const isFixed = field.meta.isId && !isNew;
  const options = isFixed ? null : await optionsOf(register, principal, field, kind.input);
  const input = inputOf(field, kind.input, values, options !== null);
  const hint = isFixed ? recordTexts.idFixed : hintOf(field, input, options !== null);
  const describedBy = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter((item) => item !== '').join(' ');
  return {
    name: field.name,
    id,
    label: field.label,
    input,
    value: values.join(', '),
    options: options?.map((option) => ({ ...option, isChosen: values.includes(option.value) })) ?? null,
    isOptional: !field.meta.isRequired,
    isFixed,
    isDecimal: !['Int', 'BigInt'].includes(field.meta.type),
    isWide: input === 'textarea' || input === 'relations',
    maxLength: maxLengthOf(field),
    hint,
    error,
    describedBy: describedBy === '' ? null : describedBy,
  };
}

async function optionsOf(register: Register, principal: Principal, field: ResourceField, input: InputKind) {
  if (input === 'select') return (field.enum?.values ?? []).map(({ name }) => ({ value: name, label: name }));
  if (input === 'relation' || input === 'relations') return listRelated(register, principal, field);
  if (input !== 'checkbox' || field.meta.isRequired) return null;
  return [
    { value: 'true', label: recordTexts.yes },
    { value: 'false', label: recordTexts.no },
  ];
}

const longNames = /^(notes?|remarks?|comments?|description|summary|content|body|bio|text)$/i;

// A text column says nothing of how long its texts are: its name and its value do.
function inputOf({ meta }: ResourceField, input: InputKind, values: readonly string[], hasOptions: boolean): InputKind {
  if (input === 'checkbox' && hasOptions) return 'select';
  if (input !== 'text') return input;
  return longNames.test(meta.name) || values.some((value) => value.includes('\n') || value.length > 120) ? 'textarea' : 'text';
}

function maxLengthOf({ meta }: ResourceField): number | null {
  const match = /^(?:varchar|character)\((\d+)\)$/.exec(meta.sqlType ?? '');
  return match ? Number(match[1]) : null;
}

function hintOf(field: ResourceField, input: InputKind, hasOptions: boolean): string | null {
  if (input === 'date-time') return recordTexts.utc;
  if (input === 'textarea' && field.meta.type === 'Json') return recordTexts.json;
  if (hasOptions) return null;
  if (input === 'relation') return recordTexts.relationId(field.label);
  return input === 'relations' ? recordTexts.relationIds(field.label) : null;
}
