import { AppError } from '../../errors.ts';
import { didYouMean, unknownOptions } from '../../nearest.ts';
import { getOperation } from '../../operations/operations.ts';
import { parseGiven } from '../../operations/parse-given.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { DefinitionError } from '../../resources/problems.ts';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import {
  catchUps,
  isSchedule,
  type Schedule,
  type ScheduledBulk,
  scheduleOverlaps,
} from '../../task-definitions/define-schedule.ts';
import type { TaskDefinitions } from '../../task-definitions/task-definitions.ts';

/** The schedules of an admin, by name. */
export type Schedules = ReadonlyMap<string, Schedule>;

const wellNamed = /^[A-Za-z][\w.-]{0,59}$/;
const optionNames = [
  'name',
  'cron',
  'timeZone',
  'catchUp',
  'overlap',
  'principal',
  'task',
  'params',
  'bulk',
];
const bulkNames = [
  'resource',
  'operation',
  'where',
  'filter',
  'everything',
  'parameters',
  'changeReason',
  'maxRecords',
  'maxMove',
  'confirmedCount',
];

/** Throws DefinitionError for what could never run, all of it at once. */
export function buildSchedules(
  given: readonly Schedule[] = [],
  definitions: TaskDefinitions,
  registry: Pick<ResourceRegistry, 'list'>,
): Schedules {
  if (!Array.isArray(given))
    throw new DefinitionError(['schedules must be a list of what defineSchedule makes.']);
  const schedules = new Map<string, Schedule>();
  const problems: string[] = [];
  for (const schedule of given) {
    const reasons = isSchedule(schedule)
      ? problemsOf(schedule, schedules, definitions, registry)
      : ['it was not made by defineSchedule.'];
    const name = String((schedule as { name?: unknown } | null)?.name ?? '(without a name)');
    problems.push(...reasons.map((reason) => `Schedule ${name}: ${reason}`));
    if (reasons.length === 0) schedules.set(schedule.name, schedule);
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return schedules;
}

function problemsOf(
  { name, options }: Schedule,
  before: Schedules,
  definitions: TaskDefinitions,
  registry: Pick<ResourceRegistry, 'list'>,
): string[] {
  const problems = unknownOptions(options, optionNames);
  if (typeof name !== 'string' || !wellNamed.test(name))
    problems.push(
      'its name begins with a letter and has letters, digits, “.”, “-” and “_”, at most 60.',
    );
  if (before.has(name)) problems.push('another schedule has this name.');
  problems.push(...timeProblems(options.cron, options.timeZone));
  problems.push(...oneOf('catchUp', options.catchUp, catchUps));
  problems.push(...oneOf('overlap', options.overlap, scheduleOverlaps));
  const { principal } = options;
  if (principal !== undefined && (typeof principal?.id !== 'string' || !principal.name))
    problems.push('principal must be systemPrincipal(name), or a person with an id and a name.');
  if ((options.task === undefined) === (options.bulk === undefined))
    problems.push('it needs a task or bulk, and not both.');
  else if (options.task) problems.push(...taskProblems(options, definitions));
  else if (options.bulk) problems.push(...bulkProblems(options.bulk, registry));
  return problems;
}

function timeProblems(cron: unknown, timeZone: unknown = 'UTC'): string[] {
  if (typeof cron !== 'string') return ['cron must be a line such as 30 2 * * *.'];
  if (typeof timeZone !== 'string' || !isZone(timeZone))
    return [`timeZone: there is no zone "${String(timeZone)}".`];
  try {
    if (cronTimes(cron, timeZone).after(new Date())) return [];
    return [`cron: no time comes of "${cron}".`];
  } catch (error) {
    return [
      `cron: "${cron}" is no line: ${(error as Error).message.replace(/^CronPattern: /, '')}.`,
    ];
  }
}

function isZone(timeZone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone }));
  } catch {
    return false;
  }
}

function taskProblems(
  { task, params }: Schedule['options'],
  definitions: TaskDefinitions,
): string[] {
  if (!task || definitions.get(task.name) !== task)
    return ['its task is not among the tasks of this admin.'];
  const read = task.options.params['~standard'].validate(params);
  // What is asked of others is asked at each time.
  if (read instanceof Promise || !read.issues) return [];
  return read.issues.map(({ path = [], message }) => {
    const place = path.map((part) => String(typeof part === 'object' ? part.key : part));
    return `${['params', ...place].join('.')}: ${message}.`;
  });
}

function bulkProblems(bulk: ScheduledBulk, { list }: Pick<ResourceRegistry, 'list'>): string[] {
  const problems = unknownOptions(bulk, bulkNames).map((problem) => `bulk.${problem}`);
  const resource = list.find(({ slug }) => slug === bulk.resource);
  if (!resource)
    problems.push(
      `bulk.resource: there is no resource "${bulk.resource}".${didYouMean(
        String(bulk.resource),
        list.map(({ slug }) => slug),
      )}`,
    );
  else problems.push(...operationProblems(resource, bulk));
  if ((bulk.where === undefined) === (bulk.filter === undefined))
    problems.push('bulk needs where or filter, and not both.');
  for (const name of ['maxRecords', 'confirmedCount'] as const)
    if (bulk[name] !== undefined && !(Number.isInteger(bulk[name]) && Number(bulk[name]) >= 0))
      problems.push(`bulk.${name} must be a whole number.`);
  const { maxMove } = bulk;
  if (maxMove !== undefined && !(typeof maxMove === 'number' && maxMove >= 0))
    problems.push('bulk.maxMove must be a share, such as 0.2.');
  return problems;
}

function operationProblems(
  resource: Resource,
  { operation, parameters = {} }: ScheduledBulk,
): string[] {
  try {
    const found = getOperation(resource, String(operation));
    if (!found.offer)
      return [`bulk.operation: "${operation}" is not begun on records of one’s choice.`];
    parseGiven(found, resource, parameters);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const place = error.code === 'unknown-operation' ? 'operation' : 'parameters';
    return [`bulk.${place}: ${error.message.replace(' Nothing was changed.', '')}`];
  }
}

function oneOf(name: string, value: unknown, names: readonly string[]): string[] {
  if (value === undefined || names.includes(value as string)) return [];
  return [`${name} must be one of ${names.join(', ')}.`];
}
