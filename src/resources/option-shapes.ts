import { types } from 'node:util';
import { z } from 'zod';
import { isIcon } from '../icon-names.ts';
import { settingBounds, wholeBetween } from '../limits.ts';
import { didYouMean } from '../nearest.ts';
import { notifyProblems } from '../notify.ts';
import type { BackendChoice } from '../queue/backend.ts';
import { duplicatePolicies } from '../unique.ts';
import { isOperationDefinition } from './define-operation.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { kindProblems } from './kind-shapes.ts';
import { finishLandings, landingProblem, launchLandings } from './landing.ts';
import type { ResourceOptions } from './options.ts';
import type { Problems } from './problems.ts';

type Shapes<T> = { readonly [K in keyof Required<T>]: z.ZodType };

const text = z.string('must be a text.').optional();
const yesOrNo = z.boolean('must be true or false.').optional();
const called = z.custom((given) => typeof given === 'function', 'must be a function.');
const answersAtOnce = called.refine(
  (given) => !types.isAsyncFunction(given),
  'must answer at once: it is async.',
);
const whole = (setting: keyof typeof settingBounds) => {
  const [low, high] = settingBounds[setting];
  const isWithin = (given: unknown) =>
    Number.isInteger(given) && Number(given) >= low && Number(given) <= high;
  return z.custom(isWithin, `must be ${wholeBetween(low, high)}.`).optional();
};
const fieldNames = z.array(z.string('must be a list of fields.'), 'must be a list of fields.');
const align = z.enum(['start', 'end'], 'must be "start" or "end".').optional();
const groups = 'must be a list of fields, or of groups: { label, help, fields }.';
const arrangement = z
  .array(
    z.union(
      [z.string(), z.strictObject({ label: z.string(), help: text, fields: fieldNames })],
      groups,
    ),
    groups,
  )
  .optional();
const sort = 'must be a field, or a list of fields.';
const isObject = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null;
const kind = z.unknown().superRefine((given, context) => {
  for (const { at, problem } of given === undefined ? [] : kindProblems(given))
    context.addIssue({ code: 'custom', path: at === '' ? [] : [at], message: problem });
});

const landing = (names: readonly string[]) =>
  z.unknown().superRefine((given, context) => {
    const message = landingProblem(names, given);
    if (message) context.addIssue({ code: 'custom', message });
  });

const notify = z.unknown().superRefine((given, context) => {
  for (const message of notifyProblems(given)) context.addIssue({ code: 'custom', message });
});

/** Every option and what it may be; the compiler keeps the tables complete. */
export const fieldOptionShapes: Shapes<
  NonNullable<NonNullable<ResourceOptions['fields']>[string]>
> = {
  label: text,
  help: text,
  readOnly: yesOrNo,
  hidden: yesOrNo,
  secret: yesOrNo,
  format: called.optional(),
  align,
  link: called.optional(),
  kind: kind.optional(),
  see: called.optional(),
  change: called.optional(),
};

export const computedShapes: Shapes<NonNullable<ResourceOptions['computed']>[string]> = {
  label: text,
  needs: fieldNames,
  value: called,
  align,
  link: called.optional(),
};

export const bulkShapes: Shapes<NonNullable<ResourceOptions['bulk']>> = {
  fields: fieldNames.optional(),
  delete: yesOrNo,
  background: yesOrNo,
  backend: z
    .custom<BackendChoice>(
      (given) => typeof given === 'string' || typeof given === 'function',
      'must be the name of a backend, or a function.',
    )
    .optional(),
  minAsyncRecords: whole('BULKHEAD_MIN_ASYNC_RECORDS'),
  runInBackground: called.optional(),
  parallelism: whole('BULKHEAD_PARALLELISM'),
  chunkSize: whole('BULKHEAD_CHUNK_SIZE'),
  unique: z
    .strictObject(
      {
        key: answersAtOnce.optional(),
        policy: z
          .enum(duplicatePolicies, `must be one of ${duplicatePolicies.join(', ')}.`)
          .optional(),
      },
      'must be { key, policy }.',
    )
    .optional(),
  locks: z
    .custom(
      (given) =>
        given === 'on' ||
        (isObject(given) && typeof given.off === 'string' && given.off.trim() !== ''),
      'must be "on", or { off } with the reason in words.',
    )
    .optional(),
  atomic: z.literal('all', 'must be "all", or left out.').optional(),
  stopRatio: z
    .custom(
      (given) => typeof given === 'number' && given > 0 && given <= 1,
      'must be above 0 and at most 1.',
    )
    .optional(),
  taskLimitMs: whole('BULKHEAD_TASK_LIMIT_MS'),
  reason: z
    .custom(
      (given) =>
        given === 'never' ||
        given === 'optional' ||
        (isObject(given) &&
          Number.isInteger(given.requiredAbove) &&
          Number(given.requiredAbove) >= 0),
      'must be "never", "optional", or { requiredAbove } with a whole number.',
    )
    .optional(),
};

export const hookShapes: Shapes<NonNullable<ResourceOptions['hooks']>> = {
  beforeSave: called.optional(),
  afterSave: called.optional(),
  save: called.optional(),
  beforeDelete: called.optional(),
  delete: called.optional(),
  afterDelete: called.optional(),
};

const options = 'must be an object of options.';

export const optionShapes: Shapes<ResourceOptions> = {
  slug: text,
  label: text,
  singular: text,
  icon: z.string('must be a text.').refine(isIcon, 'lucide has no icon of this name.').optional(),
  group: text,
  titleField: text,
  fields: z
    .record(
      z.string(),
      z.strictObject(fieldOptionShapes, options).optional(),
      'must be an object of fields.',
    )
    .optional(),
  columns: fieldNames.min(1, 'must name one column at least.').optional(),
  computed: z
    .record(z.string(), z.strictObject(computedShapes, options), 'must be an object of columns.')
    .optional(),
  filters: fieldNames.optional(),
  search: fieldNames.optional(),
  defaultSort: z.union([z.string(), z.array(z.string())], sort).optional(),
  countLimit: whole('BULKHEAD_COUNT_LIMIT'),
  form: arrangement,
  show: arrangement,
  permissions: called.optional(),
  scope: called.optional(),
  tasks: called.optional(),
  afterLaunch: landing(launchLandings).optional(),
  afterFinish: landing(finishLandings).optional(),
  notify: notify.optional(),
  taskManager: called.optional(),
  taskManagerArguments: z.array(z.unknown(), 'must be a list.').optional(),
  validate: called.optional(),
  descendants: called.optional(),
  hooks: z.strictObject(hookShapes, options).optional(),
  writeThrough: z
    .enum(['sql', 'client'] as const, {
      error: ({ input }) => `"${input}" is neither "sql" nor "client".`,
    })
    .optional(),
  operations: z
    .array(
      z.custom(isOperationDefinition, 'must be made by defineOperation.'),
      'must be a list of operations.',
    )
    .optional(),
  bulk: z.strictObject(bulkShapes, options).optional(),
};

const shape = z.strictObject(optionShapes, options);

/** Names what stands among the resources and is none. */
export function isDefinition(
  problems: Problems,
): (given: ResourceDefinition, index: number) => boolean {
  return (given, index) => {
    const isOne = typeof given?.model === 'string' && typeof given.metadata?.models === 'object';
    const spread = Array.isArray(given) ? ' It is a list: write three dots before it.' : '';
    if (!isOne)
      problems.list.push(
        `resources, no. ${index + 1}: is not made by defineResource or defineEveryResource.${spread}`,
      );
    return isOne;
  };
}

/**
 * Names what has another shape than its option, and leaves it out, so that the rest can be looked
 * at too.
 */
export function wellShaped(definition: ResourceDefinition, problems: Problems): ResourceDefinition {
  const found = shape.safeParse(definition.options);
  if (found.success) return definition;
  const wrong = new Set<string>();
  for (const issue of found.error.issues) {
    const path = issue.path.filter((part) => typeof part === 'string');
    wrong.add(path[0] ?? '');
    if (issue.code !== 'unrecognized_keys') {
      problems.add(definition.model, path.join('.') || 'options', issue.message);
      continue;
    }
    for (const key of issue.keys)
      problems.add(
        definition.model,
        [...path, key].join('.'),
        `there is no such option.${didYouMean(key, namesAt(path))}`,
      );
  }
  const right = Object.entries(wrong.has('') ? {} : definition.options).filter(
    ([key]) => !wrong.has(key) && key in optionShapes,
  );
  return { ...definition, options: Object.fromEntries(right) };
}

function namesAt([first]: string[]): string[] {
  const within: Record<string, object> = {
    fields: fieldOptionShapes,
    computed: computedShapes,
    bulk: bulkShapes,
    hooks: hookShapes,
  };
  return Object.keys(within[first ?? ''] ?? optionShapes);
}
