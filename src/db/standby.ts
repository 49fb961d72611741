import type { Duplex } from 'node:stream';
import type { Pool, PoolClient } from 'pg';
import { BoundedMap } from '../bounded-map.ts';
import type { DatabaseHost } from '../database-address.ts';
import type { TableNames } from './names.ts';
import { openPool } from './pool.ts';
import { readingPool, unlessGone } from './reading-pool.ts';
import { parseLsn, type WalPosition } from './wal-position.ts';

/** What a primary is known by, and where it was when it was last asked. */
export interface PrimarySample {
  /** Of the process's own clock, before it was asked: what was committed by then lies before `position`. */
  atMs: number;
  position: WalPosition;
  /** Of the cluster, which a standby shares. */
  system: string;
  /** Oid of the database. */
  database: string;
  /** When the server began, by which it is known from others of its cluster. */
  began: string;
}

/** What a standby last said, or why it cannot be asked. */
type LastSaid =
  | {
      kind: 'standby';
      replayed: WalPosition;
      system: string;
      database: string;
      atMs: number;
      /** How long ago the last commit that it has replayed was made, by the clocks of both servers. */
      ageMs: number | null;
    }
  /** Since when it has taken writes, as far as was seen. */
  | { kind: 'no-standby'; system: string; began: string; atMs: number; sinceMs: number }
  | { kind: 'away'; message: string };

/** `primary`: the one that is written to, which is named among the others so that any of them may become it. */
export type StandbyKind =
  | 'following'
  | 'behind'
  | 'away'
  | 'primary'
  | 'no-standby'
  | 'elsewhere'
  | 'unknown';

/** How a standby is, said for logs, findings and metrics. */
export interface StandbyState {
  /** `host:port` */
  name: string;
  /** Is it read from? */
  isUsed: boolean;
  kind: StandbyKind;
  /** Why it was not to be reached; empty where it was. */
  message: string;
  /** Milliseconds of what the primary has done that it may not have yet; null: not known. */
  lagMs: number | null;
  /** The same in bytes of the log. */
  lagBytes: number | null;
  /** How long ago its last commit was made, by the clocks of both servers; null: not known. */
  ageMs: number | null;
}

/** A standby is asked how far it is so often, and a primary too. */
export const lookEveryMs = 1_000;
/** What was said longer ago is not believed any more. */
const believedMs = 5_000;
/** Samples kept of a primary: of one second each, and of longer ones where a standby stands still. */
const maxSamples = 600;

/** Longest that it says nothing to a statement of a page: a table that is counted takes its time. */
const silentMs = 120_000;

const noAnswer = 'it does not answer';

/** One server that follows the primary, as far as it is known to. */
export class Standby {
  readonly name: string;
  /** What it answers, and the primary where it does not. */
  readonly reads: Pool;
  /** No other is named beside it. */
  readonly #isAlone: boolean;
  readonly #pool: Pool;
  readonly #watch: Pool;
  #samples: PrimarySample[] = [];
  #latest: PrimarySample | null = null;
  /** Since when the primary has been on its timeline, as far as was seen. */
  #timelineSinceMs = 0;
  /** Null: it has not said anything yet. */
  #seen: LastSaid | null = null;
  readonly #sinceMs = performance.now();
  readonly #waiting = new Set<(why: Error) => void>();
  readonly #connected = new Set<PoolClient>();
  #reachedMs: number | null = null;
  readonly #ended = new BoundedMap<number, true>(10_000);

  constructor(
    { name, url }: DatabaseHost,
    primary: Pool,
    {
      poolSize,
      isAlone,
      onUnanswered,
    }: { poolSize: number; isAlone: boolean; onUnanswered: (error: unknown) => void },
  ) {
    this.name = name;
    this.#isAlone = isAlone;
    this.#pool = openPool({
      ...{ connectionString: url, name: 'bulkhead reads', max: poolSize, answerMs: silentMs },
    });
    this.#pool.on('connect', (client) => void this.#connected.add(client));
    this.#pool.on('remove', (client) => void this.#connected.delete(client));
    // Of its own: what waits for the standby says nothing of how it is.
    this.#watch = openPool({
      ...{ connectionString: url, name: 'bulkhead standby', max: 1, answerMs: believedMs },
    });
    this.reads = readingPool(primary, this.#pool, { waiting: this.#waiting, onUnanswered });
  }

  /** Whatever waits for it is asked of the primary from now on; its connections are of no use. */
  giveUp(): void {
    for (const client of this.#connected)
      (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
    for (const reject of this.#waiting) reject(new Error(`The standby ${this.name} is away.`));
  }

  /** How much of it is asked for right now. */
  get load(): number {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return totalCount - idleCount + waitingCount;
  }

  note(sample: PrimarySample): void {
    // A new primary counts on from where it was promoted, which may lie before where the old one was.
    if (this.#latest?.position.timeline !== sample.position.timeline) {
      this.#samples = [];
      this.#timelineSinceMs = sample.atMs;
    }
    this.#latest = sample;
    this.#samples.push(sample);
    // Without one of the older, times are still said too long ago, never too late.
    if (this.#samples.length > maxSamples) this.#samples.splice(1, 1);
  }

  async look(): Promise<void> {
    const atMs = performance.now();
    try {
      const { rows } = await this.#watch.query<{
        is_standby: boolean;
        lsn: string | null;
        timeline: number;
        system: string;
        database: string;
        began: string;
        age_ms: number | null;
      }>(
        `select pg_is_in_recovery() as is_standby, pg_last_wal_replay_lsn()::text as lsn, (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 as age_ms,
           greatest((select timeline_id from pg_control_checkpoint()), (select min_recovery_end_timeline from pg_control_recovery())) as timeline,
           (select system_identifier::text from pg_control_system()) as system,
           (select oid::text from pg_database where datname = current_database()) as database, extract(epoch from pg_postmaster_start_time())::text as began`,
      );
      const row = rows[0] as (typeof rows)[number];
      this.#seen =
        row.is_standby && row.lsn !== null
          ? {
              kind: 'standby',
              replayed: { timeline: row.timeline, lsn: parseLsn(row.lsn) },
              ...{ system: row.system, database: row.database, ageMs: row.age_ms, atMs },
            }
          : {
              kind: 'no-standby',
              ...{ system: row.system, began: row.began, atMs },
              sinceMs: this.#seen?.kind === 'no-standby' ? this.#seen.sinceMs : atMs,
            };
    } catch (error) {
      this.#seen = { kind: 'away', message: (error as Error).message };
    }
    this.#keepReached();
  }

  // Of what the primary had done, the latest that is replayed.
  #keepReached(): void {
    if (this.#seen?.kind !== 'standby' || !this.#isSame(this.#seen)) return;
    const { replayed } = this.#seen;
    const place = this.#samples.findLastIndex(({ position }) => position.lsn <= replayed.lsn);
    const last = this.#samples[place];
    if (!last) return;
    this.#reachedMs = last.atMs;
    this.#samples = this.#samples.slice(place);
  }

  /**
   * Of the same cluster, of which it has the same database, and on the timeline that the primary
   * writes: positions of another are no positions of ours.
   */
  #isSame({ replayed, system, database }: Extract<LastSaid, { kind: 'standby' }>): boolean {
    const latest = this.#latest;
    return (
      latest !== null &&
      latest.system === system &&
      latest.database === database &&
      latest.position.timeline === replayed.timeline
    );
  }

  /** Null: it is not to be read from. A lower bound of what it has replayed. */
  replayed(maxLagMs: number): WalPosition | null {
    return this.state(maxLagMs).isUsed && this.#seen?.kind === 'standby'
      ? this.#seen.replayed
      : null;
  }

  state(maxLagMs: number, nowMs = performance.now()): StandbyState {
    const seen = this.#seen;
    const latest = this.#latest;
    const state = (kind: StandbyKind, message = ''): StandbyState => ({
      name: this.name,
      isUsed: kind === 'following',
      ...{ kind, message },
      lagMs: this.#reachedMs === null ? null : nowMs - this.#reachedMs,
      ageMs: seen?.kind === 'standby' ? seen.ageMs : null,
      lagBytes:
        latest === null || seen?.kind !== 'standby'
          ? null
          : Math.max(0, Number(latest.position.lsn - seen.replayed.lsn)),
    });
    if (seen === null)
      return nowMs - this.#sinceMs > believedMs ? state('away', noAnswer) : state('unknown');
    if (seen.kind === 'away') return state('away', seen.message);
    if (nowMs - seen.atMs > believedMs) return state('away', noAnswer);
    if (seen.kind === 'no-standby' && this.#isAlone) return state('no-standby');
    if (latest === null || nowMs - latest.atMs > believedMs) return state('unknown');
    if (seen.kind === 'no-standby') {
      // What was the primary before it was promoted says nothing of which is now.
      if (latest.atMs < seen.sinceMs) return state('unknown');
      const isPrimary = seen.system === latest.system && seen.began === latest.began;
      return state(isPrimary ? 'primary' : 'no-standby');
    }
    // What it said before that says nothing of whom it follows now.
    if (!this.#isSame(seen))
      return state(seen.atMs < this.#timelineSinceMs ? 'unknown' : 'elsewhere');
    // One that has reached nothing since we began to look: its own last commit says since when.
    const sinceMs = this.#reachedMs ?? seen.atMs - (seen.ageMs ?? 0);
    if (nowMs - sinceMs > maxLagMs) return state('behind');
    return state(this.#reachedMs === null ? 'unknown' : 'following');
  }

  /**
   * Are these tasks ended there? Commits are replayed in their order, so that whoever sees there that
   * a task has ended sees all that it did.
   */
  async seesEnded(t: Pick<TableNames, 'task'>, taskIds: readonly number[]): Promise<boolean> {
    const asked = taskIds.filter((id) => !this.#ended.has(id));
    if (asked.length === 0) return true;
    try {
      const answer = this.#pool.query<{ id: number }>(
        `select id from ${t.task} where id = any($1) and finished_at is not null`,
        [asked],
      );
      const { rows } = await unlessGone(this.#waiting, answer);
      for (const { id } of rows) this.#ended.set(id, true);
      return rows.length === asked.length;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), this.#watch.end()]);
  }
}
