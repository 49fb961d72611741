import { carefulLog } from '../log/careful-log.ts';
import { jsonLog } from '../log/json-log.ts';
import type { Logger } from '../log/log.ts';

/** A log whose lines are read, as a process of ours writes them. */
export function keptLog(level: Parameters<typeof jsonLog>[0], lines: string[]): Logger {
  return carefulLog(jsonLog(level, { write: (line: string) => void lines.push(line) }));
}
