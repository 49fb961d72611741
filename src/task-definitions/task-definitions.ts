import { DefinitionError } from '../resources/problems.ts';
import { isTaskDefinition, type TaskDefinition } from './define-task.ts';
import { whyNotOptions } from './task-options.ts';

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

function whyNotIsolated({ options }: TaskDefinition, file: string | null): string | null {
  if (!options.isolate || file?.startsWith('file:')) return null;
  return 'a process of its own loads the admin: give defineAdmin its file, definition: import.meta.url.';
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
  return whyNotOptions(options);
}
