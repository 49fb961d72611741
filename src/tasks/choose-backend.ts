import { AppError } from '../errors.ts';
import {
  type AskedBackend,
  autoName,
  type BackendAbilities,
  type BackendChoice,
  inlineName,
  inProcessName,
  queueName,
} from '../queue/backend.ts';
import { whyNoBackend } from '../queue/backends.ts';
import type { Resource } from '../resources/contract.ts';
import type { Schedule, ScheduledBulk } from '../task-definitions/define-schedule.ts';
import type { TaskDefinition } from '../task-definitions/define-task.ts';
import type { TaskContext } from './context.ts';

type Choosing = Pick<TaskContext, 'backends' | 'settings'>;

/** Of a name that is not known here nothing is ruled out: others know it. */
const unknown: BackendAbilities = { later: true, cancel: true, processes: true, restart: true };

/** What can be done with a task, by what runs it. */
export function abilitiesOf(
  { backends }: Pick<TaskContext, 'backends'>,
  { backend }: { backend: string },
): BackendAbilities {
  return backends.can(backend) ?? unknown;
}

/**
 * Name of the backend of a launch, as the nearest choice has it that was made; `inline` where there
 * is no background at all. Throws AppError 'unknown-backend' (500) where a function gives none.
 */
function chooseBackend(
  { backends, settings }: Choosing,
  asked: AskedBackend,
  nearer?: BackendChoice,
): string {
  if (!settings.background) return inlineName;
  const choice = nearer ?? settings.backend;
  const chosen = typeof choice === 'function' ? choice(asked) : choice;
  const problem = whyNotChosen(chosen, backends, typeof choice === 'function');
  if (problem)
    throw new AppError(
      'unknown-backend',
      500,
      `What chooses the backend of “${asked.name}”: ${problem} Nothing was started.`,
    );
  return chosen === autoName ? queueName : chosen;
}

function whyNotChosen(
  chosen: unknown,
  backends: TaskContext['backends'],
  isByFunction: boolean,
): string | null {
  if (typeof chosen === 'function') return 'it gives a function.';
  // What a function gives is not known at the start, when it is decided who runs its tasks.
  if (isByFunction && chosen === inProcessName && !backends.isInProcessAsked)
    return `“${inProcessName}” is not among the backends of defineAdmin, so nobody runs its tasks.`;
  return whyNoBackend(chosen, backends);
}

/** The same of a bulk operation that is not done within its request; `inline`: there is none. */
export function backendOfBulk(
  context: Choosing,
  {
    resource,
    operation: name,
    principal,
    count,
  }: { resource: Resource; operation: string } & Pick<AskedBackend, 'principal' | 'count'>,
): string {
  if (!resource.hasBackground) return inlineName;
  const asked = { kind: 'bulk', name, resource: resource.slug, principal, count } as const;
  return chooseBackend(context, asked, resource.backend);
}

/** The same of a task of the project's own. */
export function backendOfOwn(
  context: Choosing,
  { name, options }: Pick<TaskDefinition, 'name' | 'options'>,
  { principal, resource = null }: Pick<AskedBackend, 'principal'> & { resource?: string | null },
): string {
  const asked = { kind: 'own', name, resource, principal, count: null } as const;
  return chooseBackend(context, asked, options.backend);
}

/** Of what a schedule launches, which is to begin by itself. */
export function backendOfScheduled(
  context: Choosing & Pick<TaskContext, 'registry'>,
  { options: { task, bulk } }: Schedule,
  principal: AskedBackend['principal'],
): string {
  if (task) return backendOfOwn(context, task, { principal });
  const { resource: slug, operation } = bulk as ScheduledBulk;
  const resource = context.registry.get(slug);
  return backendOfBulk(context, { resource, operation, principal, count: null });
}
