import { z } from 'zod';
import type { ResourceField } from '../fields/contract.ts';
import type { EnumMeta, FieldMeta, ScalarType } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
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
    return made({ choices: choices ?? null, options }, (name) =>
      fieldOf(
        name,
        options,
        { kind: 'enum', type: name, sqlType: 'text' },
        {
          name,
          sqlType: 'text',
          values: (Array.isArray(choices) ? choices : []).map((one) => ({
            name: one,
            dbName: one,
          })),
        },
      ),
    );
  },
});

function inputOf<V>(type: ScalarType, sqlType: string) {
  return <const R extends boolean = false>(
    options: InputOptions<R> = {},
  ): FormInput<InputValue<V, R>> =>
    made({ options }, (name) => fieldOf(name, options, { kind: 'scalar', type, sqlType }, null));
}

/** What `t` was called with: looked at when the program starts, where all mistakes are told. */
interface Asked {
  options: unknown;
  choices?: unknown;
}

const inputs = new WeakMap<object, Asked>();

function made<V>(asked: Asked, fieldOf: (name: string) => ResourceField): FormInput<V> {
  const input = Object.freeze({ fieldOf });
  inputs.set(input, asked);
  return input;
}

export function isFormInput(value: unknown): value is FormInput {
  return typeof value === 'object' && value !== null && inputs.has(value);
}

const text = z.string('must be a text.').optional();

const inputOptionShapes: { readonly [K in keyof Required<InputOptions>]: z.ZodType } = {
  label: text,
  help: text,
  required: z.boolean('must be true or false.').optional(),
};

const askedShape = z.object({
  options: z.strictObject(inputOptionShapes, 'must be an object of options.'),
  choices: z
    .array(z.string('must be texts.').regex(/\S/, 'must be texts.'), 'must be a list of texts.')
    .min(1, 'must be one at least.')
    .optional(),
});

/** What is wrong with what `t` was called with, by the option that is to blame. */
export function formInputProblems(input: FormInput): { key: string; reason: string }[] {
  const asked = inputs.get(input);
  const issues = askedShape.safeParse(asked).error?.issues ?? [];
  const found = issues.flatMap((issue) => {
    const [part, option] = issue.path;
    const key = part === 'choices' ? 'choices' : String(option ?? '');
    if (issue.code !== 'unrecognized_keys') return [{ key, reason: issue.message }];
    return issue.keys.map((name) => ({
      key: name,
      reason: `there is no such option.${didYouMean(name, Object.keys(inputOptionShapes))}`,
    }));
  });
  const choices: unknown[] = Array.isArray(asked?.choices) ? asked.choices : [];
  const twice = choices.find((choice, index) => choices.indexOf(choice) !== index);
  if (twice !== undefined) found.push({ key: 'choices', reason: `"${twice}" is there twice.` });
  return found;
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
