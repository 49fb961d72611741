import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.ts';
import { auditMessage, type Logger, type LogLevel } from './log.ts';

type Shown = Config['BULKHEAD_LOG_LEVEL'];

const severities = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly Shown[];

/** As the setting has them. */
const names = { error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const;

/** One JSON line each, on standard error unless they are to go elsewhere. */
export function jsonLog(level: Shown, to?: DestinationStream): Logger {
  // What a process says last is said before it exits.
  const logger = pino(
    {
      level,
      messageKey: 'message',
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    to ?? destination({ dest: 2, sync: true }),
  );
  const shows = (one: LogLevel) => severities.indexOf(names[one]) >= severities.indexOf(level);
  // What was done is said unless nothing is, or errors alone.
  const audit = shows('warning') ? logger.child({}, { level: 'info' }) : logger;
  const log: Logger = (severity, message, details = {}) => {
    const writer = message === auditMessage ? audit : logger;
    writer[names[severity]](details, message);
  };
  return Object.assign(log, { shows });
}
