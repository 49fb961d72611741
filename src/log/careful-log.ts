import { errorText } from './error-text.ts';
import { idsNow } from './ids.ts';
import { auditMessage, type Logger } from './log.ts';
import { idsOf, placeOf, type Reported, type reporter } from './report.ts';

/**
 * The log that everything of ours writes to: lines have the ids of what they are about, and errors
 * are texts without what they hold of records. Whoever is to be told of unexpected errors hears of
 * those of level `error`, and of those that say where they were met.
 */
export function carefulLog(log: Logger, report?: ReturnType<typeof reporter>): Logger {
  const write: Logger = (level, message, details = {}) => {
    const { error, thrown = error, ...rest } = details as Record<string, unknown> & Reported;
    if (thrown instanceof Error && (level === 'error' || rest.where)) {
      const ids = idsOf(rest);
      report?.(thrown, { ...ids, where: rest.where ?? placeOf(ids), message });
    }
    if (log.shows?.(level) === false && message !== auditMessage) return;
    const ofError = 'error' in details && {
      error: typeof error === 'string' ? error : errorText(error),
    };
    log(level, message, { ...idsNow(), ...rest, ...ofError });
  };
  return Object.assign(write, { shows: log.shows });
}
