import type { Principal } from '../../auth/principal.ts';
import { AppError, notFound } from '../../errors.ts';
import { type Reader, readerOf } from '../../fields/reader.ts';
import { parseKey } from '../../metadata/keys.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { ButtonPlace, LaunchButton } from '../../task-definitions/launch-button.ts';
import { mayLaunch } from '../../task-definitions/may-launch.ts';
import type { TaskContext } from '../context.ts';

type Asking = Pick<TaskContext, 'definitions' | 'registry' | 'log'>;

/** A task's button, as people see it. */
export interface OfferedButton {
  readonly definition: TaskDefinition;
  readonly button: LaunchButton;
  readonly label: string;
  readonly icon: string;
  /** Controls of its form; one of the name of a secret parameter is typed unseen. */
  readonly inputs: readonly ResourceField[];
}

/** The same, and where it is pressed. */
export interface PressedButton extends OfferedButton {
  /** Null: it stands among the tasks. */
  readonly resource: Resource | null;
  /** Null: it stands on no record. */
  readonly key: string | null;
  readonly reader: Reader;
}

/** The buttons at a place that a principal may press; of a resource those that name it. */
export function buttonsAt(
  context: Asking,
  principal: Principal,
  place: ButtonPlace,
  resource: Resource | null = null,
): OfferedButton[] {
  return [...context.definitions.values()].flatMap((definition) => {
    const { launchable: button } = definition.options;
    if (!button || placeOf(button) !== place || slugOf(button) !== (resource?.slug ?? null))
      return [];
    return mayPress(context, principal, definition, resource) ? [offered(definition, button)] : [];
  });
}

/**
 * The button of a task, for whoever presses it. Throws AppError 'not-found' (404) where there is
 * none, 'forbidden' (403) where it is not theirs to press.
 */
export function getButton(
  context: Asking,
  principal: Principal,
  name: string,
  recordId: string | null,
): PressedButton {
  const definition = context.definitions.get(name);
  const button = definition?.options.launchable;
  if (!definition || !button || (placeOf(button) === 'record') !== (recordId !== null))
    throw notFound();
  const slug = slugOf(button);
  const resource = slug === null ? null : context.registry.for(principal, slug);
  if (!mayPress(context, principal, definition, resource))
    throw new AppError('forbidden', 403, `${principal.name} may not launch this task.`);
  return {
    ...offered(definition, button),
    resource,
    key: recordId !== null && resource ? parseKey(resource.model, recordId) : null,
    reader: resource?.reader ?? readerOf(principal),
  };
}

/** May this principal press a task's button, wherever it stands? */
export function mayPressButtonOf(
  context: Asking,
  principal: Principal,
  definition: TaskDefinition,
): boolean {
  const { launchable: button } = definition.options;
  if (!button) return false;
  const slug = slugOf(button);
  const found = context.registry.listFor(principal).find((resource) => resource.slug === slug);
  if (slug !== null && !found) return false;
  return mayPress(context, principal, definition, found ?? null);
}

function placeOf({ on = 'tasks' }: LaunchButton): ButtonPlace {
  return on;
}

function slugOf(button: LaunchButton): string | null {
  return 'resource' in button ? button.resource : null;
}

function offered(definition: TaskDefinition, button: LaunchButton): OfferedButton {
  const { title, secret = [] } = definition.options;
  const { label = typeof title === 'string' ? title : definition.name, icon = 'play' } = button;
  const isSecret = (name: string) =>
    secret.some((place) => place === name || place.endsWith(`.${name}`));
  const inputs = Object.entries(button.form ?? {}).map(([name, input]) => ({
    ...input.fieldOf(name),
    isSecret: isSecret(name),
  }));
  return { definition, button, label, icon, inputs };
}

/** Only `true` says so: a rule that throws, or gives anything else, grants nothing. */
function mayPress(
  { log }: Asking,
  principal: Principal,
  definition: TaskDefinition,
  resource: Resource | null,
): boolean {
  const { name, options } = definition;
  const { launchable: button } = options;
  const setsValues = button !== undefined && 'set' in button && button.set !== undefined;
  if (setsValues && !(resource && can(resource, principal, 'update'))) return false;
  try {
    return button?.allowed(principal) === true && mayLaunch(definition, principal);
  } catch (error) {
    log('error', 'who may launch a task cannot be told, so nobody may', {
      name,
      error,
    });
    return false;
  }
}
