import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { version } from '../../version.ts';
import { settingsHash } from '../agreed.ts';
import type { TaskContext } from '../context.ts';
import { repeat } from '../repeat.ts';

const everyMs = 15_000;
/** Silent for so long it is forgotten. */
const keptHours = 1;

/**
 * Says that this process serves pages, of which version and by which settings, now and then, on a
 * connection of those that pages have; until stopped.
 */
export function announcePages(
  { db: { t, background }, log }: TaskContext,
  agreed: TaskContext['agreed'],
): { stop(): Promise<void> } {
  const id = randomUUID();
  const startedAt = new Date();
  const saying = repeat(
    everyMs,
    async () => {
      await background.query(
        `insert into ${t.web_process} (id, host, pid, version, settings, settings_hash, started_at) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set seen_at = clock_timestamp()`,
        [
          ...[id, hostname(), process.pid, version],
          ...[JSON.stringify(agreed), settingsHash(agreed), startedAt],
        ],
      );
      await background.query(
        `delete from ${t.web_process} where seen_at < clock_timestamp() - make_interval(hours => ${keptHours})`,
      );
    },
    (error) => log('warning', 'this process says later that it is there', { error: String(error) }),
  );
  return {
    async stop() {
      await saying.stop();
      await background
        .query(`delete from ${t.web_process} where id = $1`, [id])
        .catch(() => undefined);
    },
  };
}
