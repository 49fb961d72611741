import type { Reader } from '../../fields/reader.ts';
import { textsOf } from '../../form-texts.ts';
import { controlName } from '../../operations/own/form-values.ts';
import { ownProperty } from '../../own-property.ts';
import type { ResourceField } from '../../resources/contract.ts';
import type { Body } from '../form.ts';
import { type InputData, plainControlOf, plainInput } from './input.ts';
import { inputTexts } from './input-texts.ts';
import { zoneHint } from './zone-hint.ts';

/** A control of a form that the project has made by `t`. */
export interface OwnFormControl {
  label: string;
  help: string | null;
  input: InputData;
  error: string | null;
}

/** The controls of such a form, with what was typed into it and what is wrong with that. */
export function ownFormControls(
  inputs: readonly ResourceField[],
  {
    reader,
    body,
    errors,
    idPrefix,
  }: {
    reader: Reader;
    body: Body;
    errors: Readonly<Record<string, string>>;
    idPrefix: string;
  },
): OwnFormControl[] {
  return inputs.map((field) => {
    const id = `${idPrefix}${field.name}`;
    const help = field.help ?? zoneHint(field, reader);
    const error = ownProperty(errors, field.name) ?? null;
    const describedBy = [help ? `${id}-help` : '', error ? `${id}-error` : '']
      .filter(Boolean)
      .join(' ');
    const parts = {
      name: controlName(field),
      id,
      values: textsOf(ownProperty(body, controlName(field))),
      isRequired: field.meta.isRequired,
      emptyText: inputTexts.choose,
      isWrong: error !== null,
      describedBy: describedBy || null,
    };
    const input = plainInput(parts, {
      isMasked: field.isSecret,
      ...plainControlOf({ ...parts, resource: { reader }, field }),
    });
    return { label: field.label, help, input, error };
  });
}
