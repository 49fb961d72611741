import { type BackendChoice, inlineName, inProcessName } from '../queue/backend.ts';
import { whyNoBackend } from '../queue/backends.ts';
import { DefinitionError } from '../resources/problems.ts';
import { abilitiesOf, backendOfScheduled } from './choose-backend.ts';
import type { TaskContext } from './context.ts';

interface Chosen {
  /** Who says so: `Resource City, bulk.backend`. */
  readonly by: string;
  readonly choice: BackendChoice | undefined;
}

function choicesOf({ settings, registry, definitions }: TaskContext): Chosen[] {
  return [
    { by: 'BULKHEAD_BACKEND, or settings.backend', choice: settings.backend },
    ...registry.list.map(({ model, backend }) => ({
      by: `Resource ${model.name}, bulk.backend`,
      choice: backend,
    })),
    ...[...definitions.values()].map(({ name, options }) => ({
      by: `Task ${name}, backend`,
      choice: options.backend,
    })),
  ];
}

/** Is a process that serves pages to run tasks itself, as some choice says? */
export function runsInProcess(context: TaskContext): boolean {
  return (
    context.settings.background &&
    (context.backends.isInProcessAsked ||
      choicesOf(context).some(({ choice }) => choice === inProcessName))
  );
}

/** May something be run within the call that launches it, by a session of its own? */
export function mayRunWithin(context: TaskContext): boolean {
  return (
    !context.settings.background ||
    context.registry.list.some(({ hasBackground }) => !hasBackground) ||
    choicesOf(context).some(({ choice }) => choice === inlineName || typeof choice === 'function')
  );
}

/** Names of the backends whose tasks the one process for everything runs. */
export function backendsOf(context: TaskContext): string[] {
  return [...context.backends.called.values()]
    .map(({ name }) => name)
    .filter((name) => name !== inProcessName || runsInProcess(context));
}

/**
 * Throws DefinitionError for names of backends that there are not, and for schedules whose tasks
 * could not begin by themselves, all of it at once.
 */
export function assertBackends(context: TaskContext): void {
  const problems = choicesOf(context).flatMap(({ by, choice }) => {
    const problem = choice === undefined ? null : whyNoBackend(choice, context.backends);
    return problem === null ? [] : [`${by}: ${problem}`];
  });
  if (problems.length === 0) problems.push(...scheduleProblems(context));
  if (problems.length > 0) throw new DefinitionError(problems);
}

/** A function is asked at each launch; where there is no background at all, none is followed. */
function scheduleProblems(context: TaskContext): string[] {
  if (!context.settings.background) return [];
  return [...context.schedules.values()].flatMap((schedule) => {
    const { task, bulk } = schedule.options;
    const resource = context.registry.list.find(({ slug }) => slug === bulk?.resource);
    const choice = (task ? task.options.backend : resource?.backend) ?? context.settings.backend;
    if (typeof choice === 'function') return [];
    const backend = backendOfScheduled(context, schedule, { id: '', name: '' });
    return abilitiesOf(context, { backend }).later
      ? []
      : [
          `Schedule ${schedule.name}: what it launches cannot run later by the backend “${backend}”.`,
        ];
  });
}
