import type { People } from '../auth/people.ts';
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
    at: { client: ProjectClient; people: Pick<People, 'findUser' | 'usersWithRole'> },
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
