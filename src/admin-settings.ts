import { type Config, settingProblem } from './config.ts';
import { unknownOptions } from './nearest.ts';
import type { BackendChoice } from './queue/backend.ts';
import type { ResourceDefaults } from './resources/build-resource.ts';
import type { TaskSettings } from './tasks/context.ts';

/** What an admin says of settings, nearer than the environment. Left out: as that says. */
export interface AdminSettings {
  /**
   * `false`: nothing runs in the background, whatever a resource says. Off in the environment is off
   * here too.
   */
  readonly background?: boolean;
  /**
   * What runs tasks: `auto`, which is `queue`; `in-process`, `inline`, a name among `backends`, or a
   * function that gives one of them for a launch.
   */
  readonly backend?: BackendChoice;
  /** Records, with what is written along, from which on bulk work runs in the background. */
  readonly minAsyncRecords?: number;
  /** Changes that run within requests of a process at a time; more go to the background. */
  readonly inlineMaxConcurrent?: number;
  /** Runners that work on one task side by side. */
  readonly parallelism?: number;
  /** Most records in a chunk. */
  readonly chunkSize?: number;
  /** Records up to which a list is counted exactly, and its pages are numbered. */
  readonly countLimit?: number;
  /** Milliseconds that a chunk should take. */
  readonly chunkTargetMs?: number;
  /** Milliseconds that a runner works on a task before it hands it on. */
  readonly sliceMs?: number;
  /** Share of refused records, above 0 to 1, above which a task stops itself. */
  readonly stopRatio?: number;
  /** Milliseconds that a chunk waits for somebody else’s row lock. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds that somebody may be at a bulk task; then it has failed. Default: any. */
  readonly taskLimitMs?: number;
  /** Milliseconds that one statement of a chunk may take. */
  readonly statementTimeoutMs?: number;
  /** Tasks that people launched on pages and that may wait for their turn. */
  readonly maxQueued?: number;
  /** The same of one person. */
  readonly maxQueuedPerUser?: number;
  /** Workers lost in a row after which a task fails. */
  readonly maxDeaths?: number;
  /** Milliseconds between looks for dead workers. */
  readonly recoveryIntervalMs?: number;
  /** Milliseconds after which a task that could have begun is said to wait for long. */
  readonly queuedWarnMs?: number;
  /** Milliseconds of silence after which a process is taken to hang, and what it holds is taken from it. */
  readonly staleAfterMs?: number;
  /** Days for which a task can be undone. */
  readonly undoRetentionDays?: number;
  /** Days for which it is kept who changed what. */
  readonly historyRetentionDays?: number;
  /** Finished tasks that are kept: the newest; of those that are old enough to forget, none is kept for it. */
  readonly historyRetentionCount?: number;
  /** Milliseconds between looks for what was kept long enough. */
  readonly cleanupIntervalMs?: number;
  /** Days for which entries of the audit are kept. */
  readonly auditRetentionDays?: number;
}

/** The environment variable that each is nearer than. */
export const adminSettingVariables = {
  background: 'BULKHEAD_BACKGROUND',
  backend: 'BULKHEAD_BACKEND',
  minAsyncRecords: 'BULKHEAD_MIN_ASYNC_RECORDS',
  inlineMaxConcurrent: 'BULKHEAD_INLINE_MAX_CONCURRENT',
  parallelism: 'BULKHEAD_PARALLELISM',
  chunkSize: 'BULKHEAD_CHUNK_SIZE',
  countLimit: 'BULKHEAD_COUNT_LIMIT',
  chunkTargetMs: 'BULKHEAD_CHUNK_TARGET_MS',
  sliceMs: 'BULKHEAD_SLICE_MS',
  stopRatio: 'BULKHEAD_STOP_RATIO',
  lockTimeoutMs: 'BULKHEAD_LOCK_TIMEOUT_MS',
  taskLimitMs: 'BULKHEAD_TASK_LIMIT_MS',
  statementTimeoutMs: 'BULKHEAD_STATEMENT_TIMEOUT_MS',
  maxQueued: 'BULKHEAD_MAX_QUEUED',
  maxQueuedPerUser: 'BULKHEAD_MAX_QUEUED_PER_USER',
  maxDeaths: 'BULKHEAD_MAX_DEATHS',
  recoveryIntervalMs: 'BULKHEAD_RECOVERY_INTERVAL_MS',
  queuedWarnMs: 'BULKHEAD_QUEUED_WARN_MS',
  staleAfterMs: 'BULKHEAD_STALE_AFTER_MS',
  undoRetentionDays: 'BULKHEAD_UNDO_RETENTION_DAYS',
  historyRetentionDays: 'BULKHEAD_HISTORY_RETENTION_DAYS',
  historyRetentionCount: 'BULKHEAD_HISTORY_RETENTION_COUNT',
  cleanupIntervalMs: 'BULKHEAD_CLEANUP_INTERVAL_MS',
  auditRetentionDays: 'BULKHEAD_AUDIT_RETENTION_DAYS',
} as const satisfies Record<keyof AdminSettings, keyof Config>;

const variables = Object.entries(adminSettingVariables) as [keyof AdminSettings, keyof Config][];

/** What is wrong with the `settings` of an admin, each in a sentence. */
export function adminSettingProblems(given: AdminSettings | undefined): string[] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return ['settings must be an object.'];
  const unknown = unknownOptions(given, Object.keys(adminSettingVariables));
  const wrong = variables.flatMap(([name, variable]) => {
    // Its name is looked for among those that there are.
    if (name === 'backend') return backendProblem(given.backend);
    const problem = given[name] === undefined ? null : settingProblem(variable, given[name]);
    return problem === null ? [] : [`${name} ${problem}.`];
  });
  return [...unknown, ...wrong].map((problem) => `settings: ${problem}`);
}

function backendProblem(choice: unknown): string[] {
  const isOne = choice === undefined || typeof choice === 'string' || typeof choice === 'function';
  return isOne ? [] : ['backend must be the name of a backend, or a function.'];
}

/** Settings as an admin has them. */
export type Settings = Omit<Config, 'BULKHEAD_BACKEND'> & { BULKHEAD_BACKEND: BackendChoice };

export function settingsOf(
  config: Settings,
  { settings = {} }: { settings?: AdminSettings },
): Settings {
  const nearer = variables.flatMap(([name, variable]) =>
    settings[name] === undefined ? [] : [[variable, settings[name]]],
  );
  const own = { ...config, ...Object.fromEntries(nearer) };
  return {
    ...own,
    BULKHEAD_BACKGROUND: config.BULKHEAD_BACKGROUND && own.BULKHEAD_BACKGROUND,
  };
}

/** What a resource says itself is nearer. */
export function resourceDefaultsOf(config: Settings): ResourceDefaults {
  return {
    background: config.BULKHEAD_BACKGROUND,
    backend: config.BULKHEAD_BACKEND,
    minAsyncRecords: config.BULKHEAD_MIN_ASYNC_RECORDS,
    parallelism: config.BULKHEAD_PARALLELISM,
    chunkSize: config.BULKHEAD_CHUNK_SIZE,
    countLimit: config.BULKHEAD_COUNT_LIMIT,
  };
}

const previewMs = 2_000;
const personAgainMs = 1_000;

export function taskSettingsOf(config: Settings): TaskSettings {
  return {
    background: config.BULKHEAD_BACKGROUND,
    backend: config.BULKHEAD_BACKEND,
    sliceMs: config.BULKHEAD_SLICE_MS,
    chunkTargetMs: config.BULKHEAD_CHUNK_TARGET_MS,
    stopRatio: config.BULKHEAD_STOP_RATIO,
    undoRetentionDays: config.BULKHEAD_UNDO_RETENTION_DAYS,
    historyRetentionDays: config.BULKHEAD_HISTORY_RETENTION_DAYS,
    historyRetentionCount: config.BULKHEAD_HISTORY_RETENTION_COUNT ?? null,
    cleanupIntervalMs: config.BULKHEAD_CLEANUP_INTERVAL_MS,
    auditRetentionDays: config.BULKHEAD_AUDIT_RETENTION_DAYS,
    lockTimeoutMs: config.BULKHEAD_LOCK_TIMEOUT_MS,
    taskLimitMs: config.BULKHEAD_TASK_LIMIT_MS ?? null,
    statementTimeoutMs: config.BULKHEAD_STATEMENT_TIMEOUT_MS,
    previewMs,
    personAgainMs,
    inlineMaxConcurrent: config.BULKHEAD_INLINE_MAX_CONCURRENT,
    maxDeaths: config.BULKHEAD_MAX_DEATHS,
    maxQueued: config.BULKHEAD_MAX_QUEUED,
    maxQueuedPerUser: config.BULKHEAD_MAX_QUEUED_PER_USER,
    countLimit: config.BULKHEAD_COUNT_LIMIT,
    recoveryIntervalMs: config.BULKHEAD_RECOVERY_INTERVAL_MS,
    queuedWarnMs: config.BULKHEAD_QUEUED_WARN_MS,
    staleAfterMs: config.BULKHEAD_STALE_AFTER_MS,
  };
}
