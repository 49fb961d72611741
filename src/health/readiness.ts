import type { TaskContext } from '../tasks/context.ts';
import { within } from '../within.ts';
import { readMigrationState } from './migration-state.ts';

/** Something that a process needs in order to do its work. */
export interface Need {
  readonly name: 'database' | 'migrations' | 'worker';
  readonly isMet: boolean;
  readonly tookMs: number;
  /** Why it is not. */
  readonly message: string | null;
}

export interface ReadinessReport {
  readonly isReady: boolean;
  /** It ends, and takes nothing more. */
  readonly isEnding: boolean;
  readonly needs: readonly Need[];
}

/** What a worker says of itself. */
export interface OwnWorker {
  readonly id: string;
  /** Does its session last? */
  readonly isAlive: boolean;
}

export interface Readiness {
  read(): Promise<ReadinessReport>;
  /**
   * From here on it is not ready. Where somebody asks now and then, resolves when they have heard it,
   * or after a while.
   */
  end(): Promise<void>;
}

/** Whoever asks sooner is given what was found for the one before. */
const keptMs = 1_000;
const withinMs = 2_000;
/** Migrations that were applied stay so. */
const migratedForMs = 60_000;
/** Longest that whoever asks again and again is waited for. */
const hearMs = 5_000;

/** `workerOf`: of a process that is a worker and nothing else. */
export function createReadiness(
  context: Pick<TaskContext, 'db'>,
  workerOf: (() => OwnWorker) | null = null,
): Readiness {
  const { db } = context;
  let kept: { at: number; needs: Promise<Need[]> } | null = null;
  let migratedAt = Number.NEGATIVE_INFINITY;
  // When it was asked last, and how long after the time before.
  let [askedAt, askedEveryMs] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const heard = Promise.withResolvers<void>();
  let isEnding = false;
  return {
    async read() {
      const now = performance.now();
      [askedAt, askedEveryMs] = [now, now - askedAt];
      if (!kept || now - kept.at > keptMs) kept = { at: now, needs: look() };
      const needs = await kept.needs;
      if (isEnding) heard.resolve();
      return { isReady: !isEnding && needs.every(({ isMet }) => isMet), isEnding, needs };
    },
    async end() {
      isEnding = true;
      const againMs = askedAt + 2 * askedEveryMs - performance.now();
      if (!Number.isFinite(againMs) || againMs <= 0) return;
      await within(heard.promise, Math.min(againMs, hearMs)).catch(() => undefined);
    },
  };

  async function look(): Promise<Need[]> {
    const database = await met('database', async () => {
      await db.background.query('select 1');
      return null;
    });
    if (!database.isMet) return [database];
    return [
      database,
      await met('migrations', lookAtMigrations),
      ...(workerOf ? [await met('worker', () => lookAtWorker(workerOf()))] : []),
    ];
  }

  async function lookAtMigrations(): Promise<string | null> {
    if (performance.now() - migratedAt < migratedForMs) return null;
    const { pending, failed } = await readMigrationState(db);
    if (pending.length > 0) return `Not applied yet: ${pending.join(', ')}.`;
    if (failed.length > 0) return `Begun and not finished: ${failed.join(', ')}.`;
    migratedAt = performance.now();
    return null;
  }

  async function lookAtWorker({ id, isAlive }: OwnWorker): Promise<string | null> {
    if (!isAlive) return 'Its session is lost, and it has not begun anew yet.';
    const { rows } = await db.background.query<{ isSilent: boolean }>(
      `select heartbeat_at + make_interval(secs => stale_after_ms / 1000.0) < clock_timestamp() is true as "isSilent" from ${db.t.worker} where id = $1`,
      [id],
    );
    if (rows.length === 0) return 'It has been taken for dead.';
    return rows[0]?.isSilent ? 'It gives no sign of life.' : null;
  }
}

/** `look` gives why the need is not met; null: it is. */
async function met(name: Need['name'], look: () => Promise<string | null>): Promise<Need> {
  const begun = performance.now();
  const message = await within(look(), withinMs).catch((error) =>
    error instanceof Error ? error.message : String(error),
  );
  return { name, isMet: message === null, tookMs: Math.round(performance.now() - begun), message };
}
