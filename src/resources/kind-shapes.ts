import { types } from 'node:util';
import { z } from 'zod';
import type {
  FieldKind,
  FilterKind,
  FilterOperator,
  InputKind,
  OperatorInput,
  ResourceField,
} from '../fields/contract.ts';
import { didYouMean } from '../nearest.ts';
import { drawnCellProblem, drawnControlProblem, kindViewProblem } from './kind-views.ts';

const text = z.string('must be a text.').regex(/\S/, 'must be a text.');
const yesOrNo = z.boolean('must be true or false.');
const isFunction = (given: unknown) => typeof given === 'function';
const called = z
  .custom(isFunction, 'must be a function.')
  .refine((given) => !types.isAsyncFunction(given), 'must answer at once: it is async.');
const view = z.unknown().superRefine((given, context) => {
  const problem = given === undefined ? null : kindViewProblem(given);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** One of these words; the compiler keeps the lists complete. */
function oneOf<W extends string>(words: Readonly<Record<W, true>>) {
  const names = Object.keys(words);
  return z.enum(names, {
    error: ({ input }) =>
      `must be one of ${names.join(', ')}.${typeof input === 'string' ? didYouMean(input, names) : ''}`,
  });
}

const inputs: Readonly<Record<InputKind, true>> = {
  text: true,
  number: true,
  checkbox: true,
  select: true,
  'date-time': true,
  textarea: true,
  relation: true,
  relations: true,
  none: true,
};
const filters: Readonly<Record<FilterKind, true>> = {
  choice: true,
  boolean: true,
  relation: true,
  range: true,
};
const operatorInputs: Readonly<Record<OperatorInput, true>> = {
  none: true,
  one: true,
  many: true,
  range: true,
  span: true,
};

type Shapes<T> = { readonly [K in keyof Required<T>]: z.ZodType };

const kindShapes: Shapes<FieldKind> = {
  name: text,
  input: oneOf(inputs),
  control: view.optional(),
  cell: view.optional(),
  filter: oneOf(filters).nullable(),
  isSortable: yesOrNo,
  isSearchable: yesOrNo,
  format: called,
  toForm: called,
  parse: called,
  toSql: called,
  fromText: called,
  operators: called,
};

const operatorShapes: Shapes<FilterOperator> = {
  name: z.string('must be a text.').regex(/^[a-zA-Z]+$/, 'may have letters only.'),
  label: text,
  input: oneOf(operatorInputs),
  value: z.string('must be a text, or null.').nullable(),
  includesEmpty: yesOrNo,
  words: called.optional(),
  where: called,
};

const kindShape = z.strictObject(kindShapes);
const operatorShape = z.strictObject(operatorShapes, 'must be an object.');

export interface KindProblem {
  /** `operators.host.label`; empty: the whole. */
  at: string;
  problem: string;
}

/** What is wrong with a field kind of the project's own, whatever its field. */
export function kindProblems(given: unknown): KindProblem[] {
  const isKind =
    typeof given === 'object' &&
    given !== null &&
    Object.entries(kindShapes).every(
      ([name, shape]) => shape !== called || isFunction((given as Record<string, unknown>)[name]),
    );
  return isKind
    ? problemsIn(kindShape, given, kindShapes)
    : [{ at: '', problem: 'must be a kind: one of `kinds`, or your own made from one.' }];
}

/** What shows of a field's own kind when it is asked once: how it is compared and drawn. */
export function askedKindProblems(field: ResourceField): KindProblem[] {
  const { kind } = field;
  if (!kind) return [];
  const { control, cell } = kind;
  const drawn = {
    control: control ? drawnControlProblem(control, field) : null,
    cell: cell ? drawnCellProblem(cell, field) : null,
  };
  return [
    ...operatorProblems(kind, field),
    ...Object.entries(drawn).flatMap(([at, problem]) =>
      problem === null ? [] : [{ at, problem }],
    ),
  ];
}

function operatorProblems(kind: FieldKind, field: ResourceField): KindProblem[] {
  const at = 'operators';
  let operators: unknown;
  try {
    operators = kind.operators(field);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ at, problem: `fails for ${field.name}: ${why}` }];
  }
  if (!Array.isArray(operators)) return [{ at, problem: 'must give a list.' }];
  const seen = new Set<string>();
  return operators.flatMap((operator: unknown, index) => {
    const { name, value } = (operator ?? {}) as { name?: unknown; value?: unknown };
    const place = `${at}.${typeof name === 'string' && name !== '' ? name : `no. ${index + 1}`}`;
    const found = problemsIn(operatorShape, operator, operatorShapes);
    const what = JSON.stringify([name, value ?? null]);
    if (found.length === 0 && seen.has(what)) found.push({ at: '', problem: 'is there twice.' });
    seen.add(what);
    return found.map((one) => ({
      at: [place, one.at].filter((part) => part !== '').join('.'),
      problem: one.problem,
    }));
  });
}

function problemsIn(shape: z.ZodType, given: unknown, shapes: object): KindProblem[] {
  return (shape.safeParse(given).error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          at: key,
          problem: `there is no such member.${didYouMean(key, Object.keys(shapes))}`,
        }))
      : [{ at: String(issue.path[0] ?? ''), problem: issue.message }],
  );
}
