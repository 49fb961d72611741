import { errorText } from './error-text.ts';
import { idsNow } from './ids.ts';
import { auditMessage, type Logger } from './log.ts';

/**
 * The log that everything of ours writes to: lines have the ids of what they are about, and errors
 * are texts without what they hold of records.
 */
export function carefulLog(log: Logger): Logger {
  const write: Logger = (level, message, details = {}) => {
    if (log.shows?.(level) === false && message !== auditMessage) return;
    const { error, ...rest } = details;
    const ofError = 'error' in details && {
      error: typeof error === 'string' ? error : errorText(error),
    };
    log(level, message, { ...idsNow(), ...rest, ...ofError });
  };
  return Object.assign(write, { shows: log.shows });
}
