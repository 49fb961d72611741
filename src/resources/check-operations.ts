import { z } from 'zod';
import { isIcon } from '../icon-names.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
import type { OperationDefinition } from './define-operation.ts';
import { isFormInput } from './form-inputs.ts';
import type { OperationOptions } from './operation-options.ts';
import type { Problems } from './problems.ts';

const text = z.string('must be a text.').regex(/\S/, 'must be a text.');
const called = z.custom((given) => typeof given === 'function', 'must be a function.').optional();
const places = 'must be a list of "selection" and "record".';

/** Every option and what it may be; the compiler keeps the table complete. */
export const operationShapes: { readonly [K in keyof Required<OperationOptions>]: z.ZodType } = {
  name: text,
  label: text,
  icon: text,
  on: z
    .array(z.enum(['selection', 'record'], places), places)
    .min(1, places)
    .optional(),
  allowed: called,
  form: z
    .record(
      z.string(),
      z.custom(isFormInput, 'must be made by t.'),
      'must be an object of controls.',
    )
    .optional(),
  needs: z.array(z.string('must be a list of fields.'), 'must be a list of fields.').optional(),
  refuse: called,
  change: called,
  each: called,
  deletes: z.literal(true, 'must be true, or left out.').optional(),
  undo: z.enum(['images', 'none'], 'must be "images" or "none".').optional(),
};

const shape = z.strictObject(operationShapes, 'must be an object of options.');

/** Names of operations that every resource has. */
export const taken = ['update', 'delete', 'undo'];

const ways = ['change', 'each', 'deletes'] as const;

/** What can be said about a resource's own operations before the first of them is begun. */
export function checkOperations(
  resource: string,
  model: ModelMeta,
  operations: readonly OperationDefinition[],
  problems: Problems,
): void {
  const names = new Set<string>();
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
    if (found.success) checkOne(add, model, options, names);
    names.add(name);
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
  for (const control of Object.keys(form))
    if (!/^\w+$/.test(control)) add(`form.${control}`, 'may have letters, digits and underscores.');
  const said = ways.filter((way) => options[way] !== undefined);
  if (said.length === 0) add('', `says nothing of what is done: one of ${ways.join(', ')}.`);
  if (said.length > 1) add('', `says ${said.join(' and ')}: one of them.`);
}
