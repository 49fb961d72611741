import { types } from 'node:util';
import { didYouMean } from '../nearest.ts';
import { notifyProblems } from '../notify.ts';
import { isQueueName } from '../queue-names.ts';
import { duplicatePolicies } from '../unique.ts';
import { ownOverlaps } from './affected-records.ts';
import { defaultHardLimitMs, type TaskOptions } from './define-task.ts';
import { buttonPlaces } from './launch-button.ts';

/** Says what is wrong with an option's value; null: nothing. */
type Check = (value: unknown) => string | null;

const dayMs = 24 * 3_600_000;
const maxMs = 10_000 * dayMs;

const isText: Check = (value) =>
  typeof value === 'string' && value.trim() !== '' ? null : 'must be a text that is not empty.';
const isBoolean: Check = (value) => (typeof value === 'boolean' ? null : 'must be true or false.');
const isFunction: Check = (value) => (typeof value === 'function' ? null : 'must be a function.');
/** What is asked while a task is launched or taken. */
const answersAtOnce: Check = (value) =>
  types.isAsyncFunction(value) ? 'must answer at once: it is async.' : isFunction(value);
const isWhole =
  (low: number, high: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? null
      : `must be a whole number from ${low.toLocaleString('en')} to ${high.toLocaleString('en')}.`;
const isNumber =
  (low: number): Check =>
  (value) =>
    typeof value === 'number' && value >= low && value <= maxMs
      ? null
      : `must be a number, at least ${low}.`;
const isOneOf =
  (names: readonly string[]): Check =>
  (value) =>
    names.includes(value as string) ? null : `must be one of ${names.join(', ')}.`;

const isObjectOfAny: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? null
    : 'must be an object.';

/** An object of these members and no others. */
const isObject =
  (checks: Readonly<Record<string, Check>>, needed: readonly string[] = []): Check =>
  (value) => {
    if (typeof value !== 'object' || value === null) return 'must be an object.';
    const missing = needed.find((name) => (value as Record<string, unknown>)[name] === undefined);
    return missing ? `needs ${missing}.` : whyNotMembers(value, checks, '.');
  };

/** Names with dots between. */
const isPlaces: Check = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((place) => typeof place === 'string' && /^[^.]+(\.[^.]+)*$/.test(place))
    ? null
    : 'must be a list of places, such as token or auth.key.';

/** As long as a timer waits at most. */
const isMilliseconds = isWhole(1, 2_147_483_647);
const isLimit = isWhole(1, 1_000_000);
const isConcurrency: Check = (value) =>
  typeof value === 'number'
    ? isLimit(value)
    : isObject({ max: isLimit, key: answersAtOnce }, ['max'])(value);

/** Every option, with what may stand in it; of a name the list of all tasks asks. */
const checks: Readonly<Record<keyof TaskOptions, Check>> = {
  name: () => null,
  params: (value) =>
    typeof (value as TaskOptions['params'] | undefined)?.['~standard']?.validate === 'function'
      ? null
      : 'must be a Standard Schema validator, as those of zod, valibot and arktype are.',
  run: isFunction,
  title: (value) => (typeof value === 'function' ? answersAtOnce(value) : isText(value)),
  version: isWhole(1, 1_000_000),
  migrate: isFunction,
  secret: isPlaces,
  attempts: isWhole(1, 1_000),
  backoff: isObject({ firstMs: isNumber(0), factor: isNumber(1), maxMs: isNumber(0) }),
  retryOn: answersAtOnce,
  priority: isWhole(-1_000_000, 1_000_000),
  queue: (value) =>
    typeof value === 'string' && isQueueName(value)
      ? null
      : 'must be a name of letters, digits, “-” and “_”, at most 50, and not “bulk”.',
  backend: (value) => (typeof value === 'string' ? null : answersAtOnce(value)),
  concurrency: isConcurrency,
  rate: isObject({ max: isLimit, perMs: isNumber(1), key: answersAtOnce }, ['max', 'perMs']),
  unique: isObject({ key: answersAtOnce, policy: isOneOf(duplicatePolicies) }),
  expireAfterMs: isNumber(1),
  softLimitMs: isMilliseconds,
  hardLimitMs: isMilliseconds,
  isolate: isBoolean,
  graceMs: isMilliseconds,
  maxMemoryMb: isWhole(64, 1_048_576),
  keepResult: isBoolean,
  undo: isFunction,
  affects: isFunction,
  overlap: isOneOf(ownOverlaps),
  locks: isObject({ off: isText }, ['off']),
  resultReuseMs: isNumber(1),
  keepMs: isNumber(0),
  notify: (value) => notifyProblems(value)[0] ?? null,
  allowed: answersAtOnce,
  launchable: isObject(
    {
      on: isOneOf(buttonPlaces),
      resource: isText,
      allowed: answersAtOnce,
      label: isText,
      icon: isText,
      form: isObjectOfAny,
      params: answersAtOnce,
      set: isObjectOfAny,
    },
    ['allowed'],
  ),
};

/** Why a task cannot be run with these options, each in a sentence without its name. */
export function optionProblems(options: TaskOptions): string[] {
  const missing = (['run', 'params'] as const).filter((name) => options[name] === undefined);
  const given = Object.entries(options).map(([name, value]) =>
    whyNotMembers({ [name]: value }, checks, ''),
  );
  return [
    ...missing.map((name) => `${name} ${checks[name](undefined)}`),
    ...[
      ...given,
      whyNotLimits(options),
      whyNotMigrated(options),
      whyNotReused(options),
      whyNotOverlap(options),
    ].filter((reason) => reason !== null),
  ];
}

function whyNotLimits({
  softLimitMs = 0,
  hardLimitMs = defaultHardLimitMs,
}: TaskOptions): string | null {
  if (softLimitMs < hardLimitMs) return null;
  return 'softLimitMs must be less than hardLimitMs, which is half an hour unless set.';
}

function whyNotOverlap({ affects, overlap }: TaskOptions): string | null {
  if (overlap === undefined || affects !== undefined) return null;
  return 'overlap is of what affects says, which is missing.';
}

function whyNotMigrated({ version = 1, migrate }: TaskOptions): string | null {
  return migrate && version === 1 ? 'migrate needs a version of 2 or more.' : null;
}

function whyNotReused({ resultReuseMs, keepResult, keepMs }: TaskOptions): string | null {
  if (resultReuseMs === undefined) return null;
  if (keepResult === false) return 'resultReuseMs needs its result: keepResult is false.';
  if (keepMs === undefined || keepMs >= resultReuseMs) return null;
  return 'resultReuseMs must not be longer than keepMs.';
}

function whyNotMembers(
  value: object,
  known: Readonly<Record<string, Check>>,
  before: string,
): string | null {
  for (const [name, member] of Object.entries(value)) {
    if (!Object.hasOwn(known, name))
      return `${before}${name} is no option.${didYouMean(name, Object.keys(known))}`;
    const reason = member === undefined ? null : known[name]?.(member);
    if (reason) return `${before}${name}${reason.startsWith('.') ? reason : ` ${reason}`}`;
  }
  return null;
}
