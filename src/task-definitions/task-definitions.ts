import type { ResourceRegistry } from '../resources/contract.ts';
import { DefinitionError } from '../resources/problems.ts';
import { isTaskDefinition, type TaskDefinition } from './define-task.ts';
import { buttonProblems } from './launch-button-problems.ts';
import { optionProblems } from './task-options.ts';

/** The tasks of an admin, and Bulkhead's own, by name. */
export type TaskDefinitions = ReadonlyMap<string, TaskDefinition>;

/** Names of Bulkhead's own tasks begin with it, and no others do. */
export const ourPrefix = 'bulkhead:';

/** Is it the name of a task of Bulkhead's own, and not of the project's? */
export function isOurs(name: string): boolean {
  return name.startsWith(ourPrefix);
}

const noKeys = 'secret needs a key: set BULKHEAD_ENCRYPTION_KEYS.';
const wellNamed = /^[A-Za-z][\w.-]{0,99}$/;

/**
 * Throws DefinitionError for what cannot be run, all of it at once. `file` is the URL of what
 * exports the admin; null: not known. `resources` are those that buttons name; null: not asked.
 * `hasKeys`: what is secret can be encrypted.
 */
export function buildTaskDefinitions(
  given: readonly TaskDefinition[] = [],
  file: string | null = null,
  resources: Pick<ResourceRegistry, 'list'> | null = null,
  hasKeys = false,
): TaskDefinitions {
  if (!Array.isArray(given))
    throw new DefinitionError(['tasks must be a list of what defineTask makes.']);
  const problems: string[] = [];
  const definitions = new Map<string, TaskDefinition>();
  for (const definition of given) {
    const reasons = [
      ...problemsOf(definition, definitions, file, resources),
      ...(definition?.options?.secret && !hasKeys ? [noKeys] : []),
    ];
    problems.push(...reasons.map((reason) => `Task ${nameOf(definition)}: ${reason}`));
    if (reasons.length === 0) definitions.set(definition.name, definition);
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return definitions;
}

function nameOf(definition: unknown): string {
  return String((definition as { name?: unknown } | null)?.name ?? '(without a name)');
}

function problemsOf(
  definition: TaskDefinition,
  before: TaskDefinitions,
  file: string | null,
  resources: Pick<ResourceRegistry, 'list'> | null,
): string[] {
  if (!isTaskDefinition(definition)) return ['it was not made by defineTask.'];
  const { name, options } = definition;
  const problems = [...optionProblems(options), ...buttonProblems(definition, resources)];
  if (typeof name === 'string' && isOurs(name.toLowerCase()))
    problems.unshift(`names that begin with “${ourPrefix}” are those of Bulkhead's own tasks.`);
  else if (typeof name !== 'string' || !wellNamed.test(name))
    problems.unshift(
      'its name begins with a letter and has letters, digits, “.”, “-” and “_”, at most 100.',
    );
  if (before.has(name)) problems.push('another task has this name.');
  if (options.isolate && !file?.startsWith('file:'))
    problems.push(
      'a process of its own loads the admin: give defineAdmin its file, definition: import.meta.url.',
    );
  if (options.maxMemoryMb !== undefined && !options.isolate)
    problems.push('maxMemoryMb is of a process of its own: say isolate: true, too.');
  return problems;
}
