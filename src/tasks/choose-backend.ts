import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import {
  type AskedBackend,
  autoName,
  type BackendAbilities,
  type BackendChoice,
  inlineName,
  queueName,
} from '../queue/backend.ts';
import { whyNoBackend } from '../queue/backends.ts';
import type { Resource } from '../resources/contract.ts';
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
export function chooseBackend(
  { backends, settings }: Choosing,
  asked: AskedBackend,
  nearer?: BackendChoice,
): string {
  if (!settings.background) return inlineName;
  const choice = nearer ?? settings.backend;
  const chosen = typeof choice === 'function' ? choice(asked) : choice;
  const problem =
    typeof chosen === 'function' ? 'gives a function.' : whyNoBackend(chosen, backends);
  if (problem)
    throw new AppError(
      'unknown-backend',
      500,
      `What chooses the backend of “${asked.name}”: ${problem} Nothing was started.`,
    );
  return chosen === autoName ? queueName : chosen;
}

/** The same of a bulk operation that is not done within its request; `inline`: there is none. */
export function backendOfBulk(
  context: Choosing,
  {
    resource,
    operation: name,
    principal,
    count,
  }: { resource: Resource; operation: string; principal: Principal; count: number | null },
): string {
  if (!resource.hasBackground) return inlineName;
  const asked = { kind: 'bulk', name, resource: resource.slug, principal, count } as const;
  return chooseBackend(context, asked, resource.backend);
}
