import type { ResourceField } from '../fields/contract.ts';
import type { EnumMeta, FieldMeta, ScalarType } from '../metadata/contract.ts';
import { labelOf } from './guesses.ts';

/** One control of a form of your own, made by `t`. `V` is what it gives. */
export interface FormInput<V = unknown> {
  /** The control as a field, which its kind shows and reads. */
  fieldOf(name: string): ResourceField;
  /** For the compiler alone. */
  readonly gives?: V;
}

/** What can be said of a control. */
export interface InputOptions<R extends boolean = boolean> {
  /** Default: made from its name. */
  label?: string;
  /** A sentence under the control. */
  help?: string;
  /** Default: it may be left empty, and gives null. */
  required?: R;
}

/** The controls of a form, by name. */
export type FormInputs = Readonly<Record<string, FormInput>>;

/** What a form gives, by the names of its controls. */
export type FormValues<F extends FormInputs> = {
  readonly [N in keyof F]: F[N] extends FormInput<infer V> ? V : never;
};

type InputValue<V, R extends boolean> = R extends true ? V : V | null;

/**
 * Controls of an operation's form, read as the fields of that type are.
 *
 * @example
 * const form = { reason: t.text({ label: 'Reason', required: true }), until: t.date() };
 */
export const t = Object.freeze({
  text: inputOf<string>('String', 'text'),
  integer: inputOf<number>('Int', 'integer'),
  number: inputOf<number>('Float', 'double precision'),
  yesNo: inputOf<boolean>('Boolean', 'boolean'),
  /** A day, at midnight in UTC. */
  date: inputOf<Date>('DateTime', 'date'),
  choice<const C extends string, const R extends boolean = false>(
    choices: readonly C[],
    options: InputOptions<R> = {},
  ): FormInput<InputValue<C, R>> {
    const values = choices.map((name) => ({ name, dbName: name }));
    return made((name) =>
      fieldOf(
        name,
        options,
        { kind: 'enum', type: name, sqlType: 'text' },
        { name, sqlType: 'text', values },
      ),
    );
  },
});

function inputOf<V>(type: ScalarType, sqlType: string) {
  return <const R extends boolean = false>(
    options: InputOptions<R> = {},
  ): FormInput<InputValue<V, R>> =>
    made((name) => fieldOf(name, options, { kind: 'scalar', type, sqlType }, null));
}

const inputs = new WeakSet<object>();

function made<V>(fieldOf: (name: string) => ResourceField): FormInput<V> {
  const input = Object.freeze({ fieldOf });
  inputs.add(input);
  return input;
}

export function isFormInput(value: unknown): boolean {
  return typeof value === 'object' && value !== null && inputs.has(value);
}

function fieldOf(
  name: string,
  { label = labelOf(name), help = '', required = false }: InputOptions,
  column: Pick<FieldMeta, 'kind' | 'type' | 'sqlType'>,
  choices: EnumMeta | null,
): ResourceField {
  const meta: FieldMeta = {
    ...column,
    name,
    column: null,
    dbColumn: null,
    isRequired: required,
    isList: false,
    isId: false,
    isUnique: false,
    isUpdatedAt: false,
    hasDefault: false,
    default: null,
    isGenerated: false,
    enumValues: choices?.values ?? null,
    foreignKeyOf: null,
    relation: null,
    documentation: null,
  };
  const own = {
    relation: null,
    enum: choices,
    kind: null,
    isSecret: false,
    isReadOnly: false,
    align: null,
    format: null,
    link: null,
  };
  return Object.freeze({ ...own, name, label, meta, help: help === '' ? null : help });
}
