import { DefinitionError } from '../resources/problems.ts';
import { defaultHardLimitMs, isTaskDefinition, type TaskDefinition } from './define-task.ts';

/** The tasks of an admin, by name. */
export type TaskDefinitions = ReadonlyMap<string, TaskDefinition>;

const wellNamed = /^[A-Za-z][\w.-]{0,99}$/;

/**
 * Throws DefinitionError for what cannot be run, all of it at once. `file` is the URL of what
 * exports the admin; null: not known.
 */
export function buildTaskDefinitions(
  given: readonly TaskDefinition[] = [],
  file: string | null = null,
): TaskDefinitions {
  const problems: string[] = [];
  const definitions = new Map<string, TaskDefinition>();
  for (const definition of given) {
    const reason = whyNot(definition, definitions) ?? whyNotIsolated(definition, file);
    if (reason) problems.push(`Task ${nameOf(definition)}: ${reason}`);
    else definitions.set(definition.name, definition);
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return definitions;
}

function nameOf(definition: unknown): string {
  return String((definition as { name?: unknown } | null)?.name ?? '(without a name)');
}

function whyNot(definition: TaskDefinition, before: TaskDefinitions): string | null {
  if (!isTaskDefinition(definition)) return 'it was not made by defineTask.';
  const { name, options } = definition;
  if (typeof name !== 'string' || !wellNamed.test(name))
    return 'its name begins with a letter and has letters, digits, “.”, “-” and “_”, at most 100.';
  if (before.has(name)) return 'another task has this name.';
  if (typeof options.run !== 'function') return 'run must be a function.';
  if (typeof options.params?.['~standard']?.validate !== 'function')
    return 'params must be a Standard Schema validator, as those of zod, valibot and arktype are.';
  const { attempts = 1, priority = 0, backoff = {} } = options;
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 1_000)
    return 'attempts must be a whole number from 1 to 1,000.';
  if (!Number.isInteger(priority) || Math.abs(priority) > 1_000_000)
    return 'priority must be a whole number from -1,000,000 to 1,000,000.';
  for (const [key, value] of Object.entries(backoff))
    if (!(typeof value === 'number' && value >= (key === 'factor' ? 1 : 0) && value < 1e12))
      return `backoff.${key} must be a number, ${key === 'factor' ? 'at least 1' : 'at least 0'}.`;
  return whyNotLimits(options);
}

function whyNotIsolated({ options }: TaskDefinition, file: string | null): string | null {
  if (!options.isolate || file?.startsWith('file:')) return null;
  return 'a process of its own loads the admin: give defineAdmin its file, definition: import.meta.url.';
}

const maxLimitMs = 2_147_483_647;

function whyNotLimits({
  softLimitMs,
  hardLimitMs = defaultHardLimitMs,
  graceMs,
}: TaskDefinition['options']): string | null {
  for (const [key, value] of Object.entries({ softLimitMs, hardLimitMs, graceMs }))
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= maxLimitMs))
      return `${key} must be a whole number of milliseconds from 1 to 2,147,483,647.`;
  if (softLimitMs !== undefined && softLimitMs >= hardLimitMs)
    return 'softLimitMs must be less than hardLimitMs, which is half an hour unless set.';
  return null;
}
