import { types } from 'node:util';
import { z } from 'zod';
import { isIcon } from '../icon-names.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
import { formInputProblems, isFormInput } from './form-inputs.ts';
import type { OperationOptions } from './operation-options.ts';
import type { ResourceOptions } from './options.ts';
import type { Problems } from './problems.ts';

/** Of what stands in addresses, on buttons and in the titles of tasks. */
const maxLength = 100;

const text = z.string('must be a text.').regex(/\S/, 'must be a text.');
const called = z.custom((given) => typeof given === 'function', 'must be a function.').optional();
/** Nobody waits for what it answers. */
const calledAtOnce = z
  .custom((given) => typeof given === 'function', 'must be a function.')
  .refine((given) => !types.isAsyncFunction(given), 'must answer at once: it is async.')
  .optional();
const short = text.refine(
  (given) => given.length <= maxLength,
  `may have ${maxLength} characters at most.`,
);
const places = 'must be a list of "selection" and "record".';

/** Every option and what it may be; the compiler keeps the table complete. */
export const operationShapes: { readonly [K in keyof Required<OperationOptions>]: z.ZodType } = {
  name: short,
  label: short,
  icon: text,
  on: z
    .array(z.enum(['selection', 'record'], places), places)
    .min(1, places)
    .optional(),
  allowed: calledAtOnce,
  form: z
    .record(
      z.string(),
      z.custom(isFormInput, 'must be made by t.'),
      'must be an object of controls.',
    )
    .optional(),
  needs: z.array(z.string('must be a list of fields.'), 'must be a list of fields.').optional(),
  refuse: called,
  change: calledAtOnce,
  each: called,
  deletes: z.literal(true, 'must be true, or left out.').optional(),
  undo: z.enum(['images', 'none'], 'must be "images" or "none".').optional(),
};

const shape = z.strictObject(operationShapes, 'must be an object of options.');

/** Names of operations that every resource has. */
export const taken = ['update', 'delete', 'undo'];

const ofJavaScript = 'is a word of JavaScript itself.';

const ways = ['change', 'each', 'deletes'] as const;

/** What can be said about a resource's own operations before the first of them is begun. */
export function checkOperations(
  resource: string,
  model: ModelMeta,
  { operations = [], bulk }: Pick<ResourceOptions, 'operations' | 'bulk'>,
  problems: Problems,
): void {
  const names = new Set<string>();
  const byLabel = new Map<string, string>();
  for (const [index, { model: of, options }] of operations.entries()) {
    const name = typeof options?.name === 'string' ? options.name : `no. ${index + 1}`;
    const add = (key: string, reason: string) =>
      problems.add(resource, `operations.${name}${key === '' ? '' : `.${key}`}`, reason);
    if (of !== model.name) add('', `is defined for ${of}.`);
    const found = shape.safeParse(options);
    for (const issue of found.error?.issues ?? []) {
      const path = issue.path.filter((part) => typeof part === 'string').join('.');
      if (issue.code !== 'unrecognized_keys') add(path, issue.message);
      else
        for (const key of issue.keys)
          add(key, `there is no such option.${didYouMean(key, Object.keys(operationShapes))}`);
    }
    if (!found.success) continue;
    checkOne(add, model, options, names);
    names.add(name);
    const label = options.label.trim().toLowerCase();
    const other = byLabel.get(label);
    if (other !== undefined && other !== name) add('label', `is the label of "${other}" too.`);
    byLabel.set(label, other ?? name);
    if (options.deletes && bulk?.delete === false)
      add('deletes', 'is offered to nobody, since bulk.delete is false.');
  }
}

function checkOne(
  add: (key: string, reason: string) => void,
  model: ModelMeta,
  options: OperationOptions,
  names: ReadonlySet<string>,
): void {
  const { name, icon, needs = [], refuse, form = {} } = options;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name))
    add('name', 'may have small letters, digits and hyphens.');
  else if (taken.includes(name)) add('name', 'is the name of an operation of Bulkhead itself.');
  else if (names.has(name)) add('name', 'is used twice.');
  if (!isIcon(icon)) add('icon', `lucide has no icon "${icon}".`);
  for (const field of needs) {
    const known = model.fields[field];
    if (!known)
      add(
        'needs',
        `${model.name} has no field "${field}".${didYouMean(field, Object.keys(model.fields))}`,
      );
    else if (!known.column) add('needs', `"${field}" is no column.`);
  }
  if (needs.length > 0 && !refuse) add('needs', 'is read by nobody, since there is no refuse.');
  // So it is written in a literal, where it makes no property.
  if (isFormInput(Object.getPrototypeOf(form))) add('form.__proto__', ofJavaScript);
  for (const [control, input] of Object.entries(form)) {
    if (!/^\w+$/.test(control)) add(`form.${control}`, 'may have letters, digits and underscores.');
    else if (control in {}) add(`form.${control}`, ofJavaScript);
    else if (control.length > maxLength)
      add(`form.${control}`, `may have ${maxLength} characters at most.`);
    for (const { key, reason } of formInputProblems(input))
      add(['form', control, key].filter((part) => part !== '').join('.'), reason);
  }
  const said = ways.filter((way) => options[way] !== undefined);
  if (said.length === 0) add('', `says nothing of what is done: one of ${ways.join(', ')}.`);
  if (said.length > 1) add('', `says ${said.join(' and ')}: one of them.`);
}
