import type { TaskContext } from '../tasks/context.ts';

/** What is looked at, each by itself: the database, what is sent, what does it, and so on. */
export const checkNames = ['database', 'queue', 'workers', 'settings', 'channels'] as const;

export type CheckName = (typeof checkNames)[number];

/**
 * Everything that is found; what ends with a colon goes on with whose it is. `docs/metrics.md` has each
 * of them.
 */
export const findingNames = [
  ...(['database-unreachable', 'migrations-pending', 'migrations-failed'] as const),
  ...(['migrations-newer', 'migrations-altered', 'pool-full', 'connections-full'] as const),
  ...(['idle-session:', 'prepared-transaction:', 'clock-skew', 'transaction-ids'] as const),
  ...(['direct-is-pooler', 'standby-away:', 'standby-behind:', 'standby-no-standby:'] as const),
  ...(['standby-elsewhere:', 'queue-old', 'queue-newer', 'probe-not-taken'] as const),
  ...(['no-workers', 'worker-hangs:', 'worker-deaf:', 'dead-workers', 'stale-slots'] as const),
  ...(['stale-locks', 'no-worker:', 'unknown:', 'waits-long:', 'stands-still:'] as const),
  ...(['schedule:', 'hook:', 'processes-differ', 'settings:stale-after'] as const),
  ...(['settings:lock-timeout', 'settings:chunk-target', 'settings:pages-pool'] as const),
  ...(['settings:undo-retention', 'settings:secure-cookies', 'settings:plain-cookies'] as const),
  ...([
    'settings:session-secret',
    'settings:example-secret',
    'settings:mail-from',
    'settings:webhook-secret',
  ] as const),
  ...(['mail-server', 'webhook', 'notices-failing:', 'audit-unsealed', 'definition'] as const),
] as const;

type Whole<N> = N extends `${string}:` ? `${N}${string}` : N;

/** Something that is wrong. */
export interface Finding {
  /** It is the same one for as long as it goes on: `no-worker:mail`. */
  readonly name: Whole<(typeof findingNames)[number]>;
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
  return (name: Finding['name'], title: string, remedy: string, path = healthPath): Finding => ({
    ...{ name, title, remedy, path, check },
  });
}

/** Where there is nothing to look at: nobody has set it. */
export const unset: HealthLook = { findings: [], isUnset: true };

export interface HealthLook {
  readonly findings: readonly Finding[];
  /** How it is, in a few words: `3 alive`. */
  readonly note?: string;
  /** Nobody has set what would be looked at. */
  readonly isUnset?: true;
}
