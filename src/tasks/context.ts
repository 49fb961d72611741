import type { Pool } from 'pg';
import type { AskedPeople } from '../auth/people.ts';
import type { Channels } from '../channels/contract.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import type { Logger } from '../log/log.ts';
import type { PassThrough } from '../log/pass-through.ts';
import type { BackendChoice } from '../queue/backend.ts';
import type { Backends } from '../queue/backends.ts';
import type { ResourceRegistry } from '../resources/contract.ts';
import type { TaskDefinitions } from '../task-definitions/task-definitions.ts';
import type { TaskHook } from '../task-definitions/task-hooks.ts';
import type { AroundTask } from '../task-definitions/task-run.ts';
import type { AskedLaunch } from './asked-launch.ts';
import type { Meters } from './meters.ts';
import type { Schedules } from './schedules/check-schedules.ts';
import type { TaskRow } from './task-row.ts';

/** What every function of this room is handed. */
export interface TaskContext {
  readonly db: Database;
  readonly registry: ResourceRegistry;
  /** Tasks of the project's own. */
  readonly definitions: TaskDefinitions;
  /** What runs at its times. */
  readonly schedules: Schedules;
  /** What the project does when something becomes of a task. */
  readonly hooks: readonly TaskHook[];
  /** Ways to tell people that a task has ended, and what says which is taken. */
  readonly channels: Channels;
  /** What else is delivered, each beside the others. */
  readonly outboxes: readonly Outbox[];
  /** URL of the file that exports the admin; null: it is not known. */
  readonly definitionFile: string | null;
  /** Of secret parameters: the first encrypts, all decrypt. */
  readonly encryptionKeys: readonly Buffer[];
  /** Called around every run of them. */
  readonly aroundTask?: AroundTask | undefined;
  /** Puts what the project wants around each part of what goes on. */
  readonly around?: PassThrough | undefined;
  /**
   * What is kept with a launch, as the manager says that the project has for what it is launched
   * from; throws what that refuses it with.
   */
  readonly onLaunch: (asked: AskedLaunch) => Promise<unknown>;
  /** What calls workers for tasks. */
  readonly backends: Backends;
  /** Runs tasks that have just been launched to their ends, within the call that launched them. */
  readonly runWithin: (...tasks: readonly Pick<TaskRow, 'id' | 'kind'>[]) => Promise<void>;
  readonly settings: TaskSettings;
  /** Of the process. */
  readonly config: Omit<Config, 'BULKHEAD_BACKEND'>;
  /** What is counted of it. */
  readonly meters: Meters;
  /**
   * What must be the same in every process, by name; what is secret or long by a hash, which begins
   * with “#”.
   */
  readonly agreed: Readonly<Record<string, string>>;
  /** What addresses of pages begin with. */
  readonly prefix: string;
  readonly log: Logger;
  /** Who they are, and whether they may still come in: asked again when a task is about to write. */
  readonly people: AskedPeople;
}

/** Deliveries that are kept in a table until they are made. */
export interface Outbox {
  readonly name: string;
  /** Delivers what is due next; false: there is nothing for now. */
  readonly deliverNext: (pool: Pool) => Promise<boolean>;
  /** What is due, in words. */
  readonly listDue: (pool: Pool) => Promise<string[]>;
}

export interface TaskSettings {
  /** Is there a background at all? Where not, everything runs within the call that launches it. */
  readonly background: boolean;
  /** What runs tasks, where no resource and no task says so. */
  readonly backend: BackendChoice;
  /** How long one wake-up works before it hands the task on, so that tasks share workers fairly. */
  readonly sliceMs: number;
  /**
   * How long a chunk's transaction should take: the longest wait that anybody else who edits one of
   * its records can see.
   */
  readonly chunkTargetMs: number;
  /** Above this share of refused records a task stops itself, once 1,000 are done. 1: never. */
  readonly stopRatio: number;
  /** Longest a chunk waits for somebody else's lock before it is rolled back and tried again. */
  readonly lockTimeoutMs: number;
  /** Longest that somebody is at a bulk task, waits and pauses left out; null: any. */
  readonly taskLimitMs: number | null;
  /** Longest one statement of a chunk may take. */
  readonly statementTimeoutMs: number;
  /** Changes that run within requests of a process at a time. */
  readonly inlineMaxConcurrent: number;
  /** How often a slice asks again who its task's person is. */
  readonly personAgainMs: number;
  /** Longest that somebody waits for a preview. */
  readonly previewMs: number;
  /** Days for which what a task changed can be taken back; then its images are emptied. */
  readonly undoRetentionDays: number;
  /** Days for which it is remembered who changed what, when and by which task. */
  readonly historyRetentionDays: number;
  /** Finished tasks that are kept, the newest, where they are not too old; null: however many. */
  readonly historyRetentionCount: number | null;
  /** How often it is looked for what was kept long enough. */
  readonly cleanupIntervalMs: number;
  /** Days for which entries of the audit are kept. */
  readonly auditRetentionDays: number;
  /**
   * Workers lost, or slices ended by a statement that took too long, in a row without a committed
   * chunk between, after which a task is failed.
   */
  readonly maxDeaths: number;
  /** Tasks that people launched on pages and that wait: of all of them, and of one person. */
  readonly maxQueued: number;
  readonly maxQueuedPerUser: number;
  /** Tasks up to which those of a state are counted. */
  readonly countLimit: number;
  /** How often liveness of workers is looked at. */
  readonly recoveryIntervalMs: number;
  /** A task that could begin and has not for so long is looked at. */
  readonly queuedWarnMs: number;
  /**
   * Longest that a process is silent before what it holds is taken from it: a worker's heartbeat, and
   * a transaction in which nothing is asked.
   */
  readonly staleAfterMs: number;
}
