import type { PeopleAtHand } from '../auth/people.ts';
import type { Principal } from '../auth/principal.ts';
import type { FullRule } from '../notify.ts';
import type { ProjectClient } from '../resources/project-types.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';

/** That a task has ended. */
export interface Notice {
  /** The same whenever it is sent again. */
  readonly id: string;
  readonly event: TaskEvent['name'];
  readonly at: Date;
  readonly by: TaskEvent['by'];
  readonly task: TaskEvent['task'];
}

/** What goes to one recipient at once. */
export interface Dispatch {
  /** One at least; more where a channel gathers. */
  readonly notices: readonly [Notice, ...Notice[]];
  /** Somebody who may come in and may see the task, as they are now; null: it goes to no person. */
  readonly person: Principal | null;
  /** Where the channel reaches addresses: the person's, or the one that a rule names. */
  readonly address: string | null;
  /** From 1 on. */
  readonly attempt: number;
}

/** That something is wrong with how tasks fare, or is so no more. */
export interface Alert {
  /** The same whenever it is sent again. */
  readonly id: string;
  /** What is found, by its name: `no-worker:bulk`, `waits-long:mail`, `schedule:nightly`. */
  readonly finding: string;
  /** In a sentence. */
  readonly title: string;
  /** Of the page that says more. */
  readonly path: string;
  /** What to do, in a sentence. */
  readonly remedy: string;
  readonly since: Date;
  /** Is it over? */
  readonly isOver: boolean;
}

/** What goes to one operator at once. */
export interface AlertDispatch extends Omit<Dispatch, 'notices'> {
  readonly alerts: readonly [Alert, ...Alert[]];
}

/** A way to tell somebody that a task has ended. */
export interface Channel {
  /** By which rules name it: small letters, digits and hyphens. */
  readonly name: string;
  /** What people call it, where they choose how they are told. Default: its name. */
  readonly label?: string;
  /**
   * Whom it can tell: `people` one by one, `addresses` too, or `one-place`, which is always the
   * same.
   */
  readonly reaches: 'people' | 'addresses' | 'one-place';
  /** What goes to one recipient is gathered for so many milliseconds, and sent as one. Default: 0. */
  readonly gatherMs?: number;
  /**
   * Sends it, at least once: what it throws is noted, and it is sent again later. `client` is your
   * Prisma client.
   */
  readonly send: (
    dispatch: Dispatch,
    at: { client: ProjectClient; people: PeopleAtHand },
  ) => Promise<void> | void;
  /** The same of alerts, to whoever looks after things. Default: it sends none. */
  readonly alert?: (
    dispatch: AlertDispatch,
    at: Parameters<Channel['send']>[1],
  ) => Promise<void> | void;
}

/** The channels of an admin, and the rules by which they tell of a task. */
export interface Channels {
  readonly list: readonly Channel[];
  /** Of a task by what it is: the nearest level that says any. */
  readonly rulesFor: (task: { resource: string | null; operation: string }) => readonly FullRule[];
}

/** The one whose notices stand on pages. */
export const messageChannel = 'message';
