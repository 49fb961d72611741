import type { PeopleAtHand } from '../auth/people.ts';
import { didYouMean } from '../nearest.ts';
import { DefinitionError } from '../resources/problems.ts';
import type { ProjectClient } from '../resources/project-types.ts';

/** What may become of a task, each by the name by which hooks listen to it. */
export const taskEventNames = [
  'task:created',
  'task:started',
  'task:progressed',
  'task:paused',
  'task:resumed',
  'task:succeeded',
  'task:partial',
  'task:failed',
  'task:cancelled',
  'task:retried',
  'task:undone',
  'task:cleaned',
] as const;

/** One of them: `task:succeeded`. */
export type TaskEventName = (typeof taskEventNames)[number];

/** What a hook is told: something became of a task. */
export interface TaskEvent {
  /**
   * The same whenever it is told again; null of `task:progressed`, which is told as it happens and
   * not kept.
   */
  readonly id: string | null;
  readonly name: TaskEventName;
  readonly at: Date;
  /** Who did it: of `task:created` who launched it; null: the system. */
  readonly by: { readonly id: string; readonly name: string } | null;
  readonly task: {
    readonly id: number;
    readonly title: string;
    /** Name of the operation, or of the task's definition. */
    readonly operation: string;
    /** Slug of the resource whose records it changes; null: a task of your own. */
    readonly resource: string | null;
    readonly state: string;
    readonly reason: string | null;
    readonly message: string | null;
    readonly principal: { readonly id: string; readonly name: string };
    readonly meta: unknown;
    /** Records, or what `progress` was told, when it was told. */
    readonly done: number;
    readonly total: number | null;
    readonly changed: number;
    readonly failed: number;
  };
}

/** What the project does when something becomes of a task. */
export interface TaskHook {
  /** Unique among the hooks of an admin; under it is kept what it is still to be told. */
  readonly name: string;
  readonly on: TaskEventName | readonly TaskEventName[];
  /**
   * Called after the commit, at least once, for one task in order; `client` is your Prisma client,
   * `people` finds who launched a task, and who has a role. What it throws is logged, and it is told again later; the task stays as it is.
   */
  readonly run: (
    event: TaskEvent,
    at: { client: ProjectClient; people: PeopleAtHand },
  ) => Promise<void> | void;
}

const wellNamed = /^[A-Za-z][\w.-]{0,99}$/;

export function eventsOf({ on }: TaskHook): readonly TaskEventName[] {
  return typeof on === 'string' ? [on] : on;
}

/** Throws DefinitionError for what cannot be called, all of it at once. */
export function checkTaskHooks(hooks: readonly TaskHook[] = []): readonly TaskHook[] {
  if (!Array.isArray(hooks)) throw new DefinitionError(['taskHooks must be a list.']);
  const problems = hooks.flatMap((hook, index) => {
    const reason = whyNot(hook, hooks.slice(0, index));
    return reason ? [`Hook ${hook?.name ?? `${index + 1}`}: ${reason}`] : [];
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return hooks;
}

function whyNot(hook: TaskHook, before: readonly TaskHook[]): string | null {
  if (typeof hook?.name !== 'string' || !wellNamed.test(hook.name))
    return 'its name begins with a letter and has letters, digits, “.”, “-” and “_”, at most 100.';
  if (before.some(({ name }) => name === hook.name)) return 'another hook has this name.';
  if (typeof hook.run !== 'function') return 'run must be a function.';
  const events: unknown = typeof hook.on === 'string' ? [hook.on] : hook.on;
  if (!Array.isArray(events) || events.length === 0)
    return `on must be events: ${taskEventNames.join(', ')}.`;
  const wrong = events.find((name) => !taskEventNames.includes(name));
  if (wrong !== undefined)
    return `"${wrong}" is no event.${didYouMean(String(wrong), taskEventNames)}`;
  const odd = Object.keys(hook).find((name) => !['name', 'on', 'run'].includes(name));
  return odd ? `${odd} is no option.${didYouMean(odd, ['name', 'on', 'run'])}` : null;
}
