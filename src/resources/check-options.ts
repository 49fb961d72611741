import { didYouMean } from '../nearest.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { ResourceOptions } from './options.ts';
import type { Problems } from './problems.ts';
import { settingBounds, wholeBetween } from '../limits.ts';

type Names<T> = { readonly [K in keyof Required<T>]: true };

/** Every option; the compiler keeps the tables complete. */
export const optionNames: Names<ResourceOptions> = {
  slug: true,
  label: true,
  singular: true,
  titleField: true,
  fields: true,
  columns: true,
  computed: true,
  filters: true,
  search: true,
  defaultSort: true,
  countLimit: true,
  form: true,
  show: true,
  permissions: true,
  scope: true,
  tasks: true,
  validate: true,
  hooks: true,
  writeThrough: true,
  bulk: true,
};

export const fieldOptionNames: Names<NonNullable<NonNullable<ResourceOptions['fields']>[string]>> = {
  label: true,
  help: true,
  readOnly: true,
  hidden: true,
  secret: true,
  format: true,
  align: true,
  link: true,
  kind: true,
  see: true,
  change: true,
};

export const computedNames: Names<NonNullable<ResourceOptions['computed']>[string]> = {
  label: true,
  needs: true,
  value: true,
  align: true,
  link: true,
};

export const bulkNames: Names<NonNullable<ResourceOptions['bulk']>> = {
  fields: true,
  delete: true,
  background: true,
  minAsyncRecords: true,
  runInBackground: true,
  parallelism: true,
  chunkSize: true,
  locks: true,
  atomic: true,
  stopRatio: true,
  reason: true,
};

export const hookNames: Names<NonNullable<ResourceOptions['hooks']>> = {
  beforeSave: true,
  afterSave: true,
  save: true,
  beforeDelete: true,
  afterDelete: true,
};

/** What can be said about options without their fields: unknown keys, numbers that are none, rules that contradict each other. */
export function checkOptions(name: string, model: ModelMeta, options: ResourceOptions, problems: Problems): void {
  const add = (key: string, reason: string) => problems.add(name, key, reason);
  known(options, optionNames, '');
  known(options.bulk, bulkNames, 'bulk.');
  known(options.hooks, hookNames, 'hooks.');
  for (const [field, rules] of Object.entries(options.fields ?? {})) {
    if (!model.fields[field]) add('fields', `${name} has no field "${field}".${didYouMean(field, Object.keys(model.fields))}`);
    known(rules, fieldOptionNames, `fields.${field}.`);
    const relation = model.fields[field]?.foreignKeyOf;
    for (const key of relation
      ? Object.keys(rules ?? {}).filter((option) => !['see', 'change', 'hidden', 'secret'].includes(option))
      : []) {
      add(`fields.${field}.${key}`, `this is the key of "${relation}": say it there.`);
    }
    const isKey = model.fields[field]?.relation || model.fields[field]?.foreignKeyOf;
    if (rules?.kind && isKey) add(`fields.${field}.kind`, 'a relation has a kind of its own.');
    if (rules?.secret !== undefined && typeof rules.secret !== 'boolean') add(`fields.${field}.secret`, 'must be true or false.');
    if (rules?.secret && model.fields[field]?.relation) add(`fields.${field}.secret`, 'a relation has no value of its own: say hidden.');
    if (rules?.hidden && options.titleField === field) add('titleField', `"${field}" is hidden.`);
  }
  for (const [column, rules] of Object.entries(options.computed ?? {})) {
    known(rules, computedNames, `computed.${column}.`);
    if (typeof rules?.value !== 'function') add(`computed.${column}.value`, 'must be a function.');
    if (!Array.isArray(rules?.needs)) add(`computed.${column}.needs`, 'must be a list of fields.');
  }
  for (const key of ['permissions', 'scope', 'tasks', 'validate'] as const) isFunction(options[key], key);
  for (const key of Object.keys(hookNames) as (keyof typeof hookNames)[]) isFunction(options.hooks?.[key], `hooks.${key}`);
  isFunction(options.bulk?.runInBackground, 'bulk.runInBackground');
  if (options.writeThrough !== undefined && !['sql', 'client'].includes(options.writeThrough)) {
    add('writeThrough', `"${options.writeThrough}" is neither "sql" nor "client".`);
  }
  checkWhole(options.countLimit, 'countLimit', settingBounds.BULKHEAD_COUNT_LIMIT);
  checkBulk();

  function checkWhole(value: number | undefined, key: string, [low, high]: readonly [number, number]): void {
    if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return;
    add(key, `must be ${wholeBetween(low, high)}.`);
  }

  function checkBulk(): void {
    const { bulk = {} } = options;
    checkWhole(bulk.minAsyncRecords, 'bulk.minAsyncRecords', settingBounds.BULKHEAD_MIN_ASYNC_RECORDS);
    checkWhole(bulk.parallelism, 'bulk.parallelism', settingBounds.BULKHEAD_PARALLELISM);
    checkWhole(bulk.chunkSize, 'bulk.chunkSize', settingBounds.BULKHEAD_CHUNK_SIZE);
    if (bulk.atomic !== undefined && bulk.atomic !== 'all') add('bulk.atomic', 'must be "all", or left out.');
    const { stopRatio = 1 } = bulk;
    if (!(stopRatio > 0 && stopRatio <= 1)) add('bulk.stopRatio', 'must be above 0 and at most 1.');
    const { locks = 'on', reason = 'never' } = bulk;
    if (typeof locks === 'object' ? typeof locks.off !== 'string' || locks.off.trim() === '' : locks !== 'on') {
      add('bulk.locks', 'must be "on", or { off } with the reason in words.');
    }
    const isWhole = typeof reason === 'object' && Number.isInteger(reason.requiredAbove) && reason.requiredAbove >= 0;
    if (!isWhole && reason !== 'never' && reason !== 'optional') {
      add('bulk.reason', 'must be "never", "optional", or { requiredAbove } with a whole number.');
    }
    if (bulk.background === false && bulk.runInBackground) add('bulk.runInBackground', 'is never asked, since bulk.background is false.');
    if (bulk.background === false && bulk.minAsyncRecords) add('bulk.minAsyncRecords', 'has no effect, since bulk.background is false.');
    if (bulk.runInBackground && bulk.minAsyncRecords) add('bulk.minAsyncRecords', 'has no effect beside bulk.runInBackground.');
  }

  function known(given: object | undefined, names: Readonly<Record<string, true>>, prefix: string): void {
    for (const key of Object.keys(given ?? {}))
      if (!Object.hasOwn(names, key)) add(`${prefix}${key}`, `there is no such option.${didYouMean(key, Object.keys(names))}`);
  }

  function isFunction(given: unknown, key: string): void {
    if (given !== undefined && typeof given !== 'function') add(key, 'must be a function.');
  }
}
