import { setTimeout as wait } from 'node:timers/promises';
import { idsNow, type LogIds } from './ids.ts';
import type { Logger } from './log.ts';
import type { ErrorPlace, ReportError } from './watching.ts';

const longestMs = 10_000;
/** On their way at a time; more are dropped, and that is said. */
const maxPending = 50;

/** Details of a line that are for whoever is told of errors. */
export interface Reported {
  readonly where?: ErrorPlace['where'];
  /** As it was thrown, where the line has it in other words. */
  readonly thrown?: unknown;
}

type Report = (error: unknown, place: ErrorPlace) => void;

/** Calls the project's reporter, once for an error, whose failures and delays matter to nothing. */
export function reporter(
  reportError: ReportError,
  log: Logger,
  isExpected: (error: unknown) => boolean,
): Report {
  const seen = new WeakSet<object>();
  let pending = 0;
  const fails = (message: string, error?: unknown) =>
    log('warning', message, error === undefined ? {} : { error });
  return (error, place) => {
    if (isExpected(error)) return;
    if (typeof error === 'object' && error !== null) {
      if (seen.has(error)) return;
      seen.add(error);
    }
    if (pending >= maxPending) return fails('reportError is behind, and is not told of an error');
    pending += 1;
    const over = new AbortController();
    const late = wait(longestMs, 'late', { signal: over.signal, ref: false });
    Promise.race([Promise.resolve().then(() => reportError(error, place)), late])
      .then(
        (answer) => answer === 'late' && fails('reportError has taken longer than 10 s'),
        (failure) => fails('reportError failed', failure),
      )
      .finally(() => {
        pending -= 1;
        over.abort();
      });
    late.catch(() => undefined);
  };
}

/** Where a line that says nothing of it was written. */
export function placeOf(ids: LogIds): ErrorPlace['where'] {
  if (ids.taskId !== undefined) return 'task';
  return ids.requestId === undefined ? 'process' : 'request';
}

/** Ids of a line: its own before those around it. */
export function idsOf(details: Record<string, unknown>): LogIds {
  const { requestId, taskId, attempt, chunk, workerId } = { ...idsNow(), ...details } as LogIds;
  const ids = { requestId, taskId, attempt, chunk, workerId };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));
}
