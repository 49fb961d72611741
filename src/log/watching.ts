import type { LogIds } from './ids.ts';

/** Where an unexpected error was met; no value of a record is in it, beyond what the error holds. */
export interface ErrorPlace extends LogIds {
  /**
   * `request`, `task` (an attempt of it counts), `hook` (of tasks or of records), `channel`,
   * `recovery`; `process`: anything else.
   */
  readonly where: 'request' | 'task' | 'hook' | 'channel' | 'recovery' | 'process';
  /** What the log says of it, which has the same error as text. */
  readonly message: string;
}

/**
 * Told of every unexpected error once, as it was thrown. What it does is waited for no longer than ten
 * seconds, and what it throws is logged.
 */
export type ReportError = (error: unknown, place: ErrorPlace) => unknown;

/** A part of what goes on, which takes its time. */
export interface Span {
  readonly kind: 'request' | 'task' | 'chunk' | 'hook' | 'channel';
  /** Of a request its method and route, of a task its operation, of a hook or channel its own. */
  readonly name: string;
  readonly ids: LogIds;
}

/**
 * Called around each part. It calls `run` once, at once or when something is ready, and lets through
 * what that gives or throws: that stands whatever is made of it.
 */
export type Around = (span: Span, run: () => Promise<unknown>) => unknown;
