import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';

/** How often at most what a run says is written. */
const everyMs = 250;
/** Of all runs of a task. */
export const maxLogLines = 1_000;
const maxLineLength = 2_000;

interface Line {
  at: Date;
  line: string;
}

/**
 * Writes what a run says, a few times a second and at its end. A task keeps so many lines of all of
 * its runs, the first that were said.
 */
export function keepLog(
  { db: { t }, log }: TaskContext,
  pool: Pool,
  { taskId, slot, token }: Lease,
): { say(line: string): void; end(): Promise<void> } {
  let lines: Line[] = [];
  let timer: NodeJS.Timeout | null = null;
  let writing = Promise.resolve();

  return {
    say(given) {
      const line = String(given).replaceAll('\0', '');
      log('info', line, { taskId });
      if (lines.length < maxLogLines)
        lines.push({ at: new Date(), line: cut(line, maxLineLength) });
      timer ??= setTimeout(() => {
        timer = null;
        writing = writing
          .then(write)
          .catch((error) => log('warning', 'lines of a task were not kept', { taskId, error }));
      }, everyMs);
    },
    async end() {
      if (timer) clearTimeout(timer);
      timer = null;
      await writing;
      await write();
    },
  };

  async function write(): Promise<void> {
    if (lines.length === 0) return;
    const said = lines;
    lines = [];
    await pool.query(
      `insert into ${t.task_log} (task_id, at, line)
       select $1, at, line from unnest($4::timestamptz[], $5::text[]) with ordinality said(at, line, n)
       where n <= $6 - (select count(*) from ${t.task_log} where task_id = $1)
         and exists (select from ${t.task_slot} where task_id = $1 and slot = $2 and token = $3) order by n`,
      [
        taskId,
        slot,
        token,
        said.map(({ at }) => at.toISOString()),
        said.map(({ line }) => line),
        maxLogLines,
      ],
    );
  }
}

function cut(line: string, length: number): string {
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
