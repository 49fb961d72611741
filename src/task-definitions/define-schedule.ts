import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Principal } from '../auth/principal.ts';
import type { Where } from '../resources/client.ts';
import type { GivenParams, TaskDefinition } from './define-task.ts';

/**
 * What becomes of times that passed while nobody was there to begin: `none`, they are left out;
 * `once`, the latest of them has its run; `each`, every one has.
 */
export type CatchUp = (typeof catchUps)[number];
export const catchUps = ['none', 'once', 'each'] as const;

/**
 * What a time does whose forerunner is still under way: `skip`, it is left out; `after`, it begins
 * when that has ended; `allow`, it begins beside it.
 */
export type ScheduleOverlap = (typeof scheduleOverlaps)[number];
export const scheduleOverlaps = ['skip', 'after', 'allow'] as const;

/** When something runs, and on whose behalf. */
export interface ScheduleTimes {
  /** Unique among the schedules of an admin: `nightly-recount`. Letters, digits, `.`, `-`, `_`. */
  readonly name: string;
  /**
   * Minute, hour, day of the month, month, day of the week; six fields have seconds before them.
   * With fixed hours it runs once on the days on which the clock is changed, an hour that is left
   * out at the first time after it; with `*` or a step as its hour it runs by the hours that pass.
   */
  readonly cron: string;
  /** IANA name of the zone in which the line is meant. Default: UTC. */
  readonly timeZone?: string;
  /** Default: `once`. */
  readonly catchUp?: CatchUp;
  /** Default: `skip`, and `after` where each time that was missed is caught up with. */
  readonly overlap?: ScheduleOverlap;
  /**
   * Default: `systemPrincipal(name)`. A person's permissions and row scope hold as they are then;
   * once they may not sign in any more, each time is refused, in words on the page of schedules.
   */
  readonly principal?: Principal;
}

/** A bulk operation of a schedule. */
export interface ScheduledBulk {
  /** Slug of the resource. */
  readonly resource: string;
  /** `update`, `delete`, or one of the project's own by its name. */
  readonly operation: string;
  /** As `launchOn` has them: which records, counted again at each time. One of both. */
  readonly where?: Where;
  readonly filter?: string;
  /** Every record is meant where `where` or `filter` says nothing. */
  readonly everything?: boolean;
  /** As `launchOn` has them. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly changeReason?: string;
  /** Nothing is begun where more records match. */
  readonly maxRecords?: number;
  /**
   * Nothing is begun where the number of records that match has moved by more than this share from
   * the last run's, or before the first run from `confirmedCount`: 0.2 is a fifth.
   */
  readonly maxMove?: number;
  /** How many records somebody has seen to match. */
  readonly confirmedCount?: number;
}

type Scheduled<S extends StandardSchemaV1, R> =
  | { readonly task: TaskDefinition<S, R>; readonly params: GivenParams<S>; readonly bulk?: never }
  | { readonly bulk: ScheduledBulk; readonly task?: never; readonly params?: never };

/** A schedule: its times, and what runs then. */
export type ScheduleOptions<
  S extends StandardSchemaV1 = StandardSchemaV1,
  R = unknown,
> = ScheduleTimes & Scheduled<S, R>;

/** What `defineSchedule` makes. */
export interface Schedule {
  readonly name: string;
  readonly options: ScheduleOptions;
}

const defined = new WeakSet<object>();

/**
 * Declares what runs at its times: a task of your own, or a bulk operation. List it among the
 * `schedules` of `defineAdmin`. Each time has one run, whatever dies meanwhile. One that is taken out
 * of the code is parked: its runs stay to be seen.
 *
 * @param options see `ScheduleTimes` and `ScheduledBulk`
 * @returns a frozen definition
 *
 * @example
 * const recount = defineTask({
 *   name: 'places.recount',
 *   params: z.object({ country: z.string() }),
 *   run: () => ({ places: 42 }),
 * });
 * const nightly = defineSchedule({
 *   name: 'nightly-recount',
 *   cron: '30 2 * * *',
 *   timeZone: 'Europe/Berlin',
 *   task: recount,
 *   params: { country: 'ESP' },
 * });
 */
export function defineSchedule<S extends StandardSchemaV1, R>(
  options: ScheduleOptions<S, R>,
): Schedule {
  const schedule = Object.freeze({
    name: options?.name,
    options: Object.freeze({ ...options }) as unknown as ScheduleOptions,
  });
  defined.add(schedule);
  return schedule;
}

export function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && defined.has(value);
}
