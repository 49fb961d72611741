import type { TaskContext } from '../tasks/context.ts';

/** What is looked at, each by itself: the database, what is sent, what does it, and so on. */
export const checkNames = ['database', 'queue', 'workers', 'settings', 'channels'] as const;

export type CheckName = (typeof checkNames)[number];

/** Something that is wrong. */
export interface Finding {
  /** It is the same one for as long as it goes on: `no-worker:mail`. */
  readonly name: string;
  /** What is wrong, in a sentence. */
  readonly title: string;
  /** Of the page that says more. */
  readonly path: string;
  /** What to do, in a sentence; with a command where there is one. */
  readonly remedy: string;
  readonly check: CheckName;
}

/** What a part of Bulkhead finds wrong about itself. */
export interface HealthPart {
  /** `waiting-tasks`. */
  readonly name: string;
  readonly check: CheckName;
  /** What is looked at, in a few words. */
  readonly title: string;
  /** What is wrong, and, where there is something to say, how it is. */
  readonly look: (context: TaskContext) => Promise<HealthLook>;
  /** Only where somebody asks: operators are not told of it, since it takes something, or stands still. */
  readonly isAskedFor?: true;
}

/** The page where all that is wrong stands. */
export const healthPath = '/tasks/health';

/** Makes findings of one check, whose page is that of all unless it is said. */
export function finder(check: CheckName) {
  return (name: string, title: string, remedy: string, path = healthPath): Finding => ({
    ...{ name, title, remedy, path, check },
  });
}

export interface HealthLook {
  readonly findings: readonly Finding[];
  /** How it is, in a few words: `3 alive`. */
  readonly note?: string;
}
