import type { Config } from '../config.ts';
import type { TaskContext } from '../tasks/context.ts';
import { auditMessage } from '../tasks/worker/seal-outbox.ts';

const order = ['debug', 'info', 'warning', 'error'] as const;
const minSeverity: Record<Config['BULKHEAD_LOG_LEVEL'], number> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** One JSON line each on standard error. */
export function logAt(level: Config['BULKHEAD_LOG_LEVEL']): TaskContext['log'] {
  return (severity, message, details = {}) => {
    const isShown = order.indexOf(severity) >= minSeverity[level];
    // What was done is said unless nothing is, or errors alone.
    if (!isShown && !(message === auditMessage && minSeverity[level] <= minSeverity.warn)) return;
    console.error(
      JSON.stringify({ time: new Date().toISOString(), level: severity, message, ...details }),
    );
  };
}
