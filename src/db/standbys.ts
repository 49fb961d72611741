import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import { readAddress } from '../database-address.ts';
import { sqlstateOf } from './sqlstate.ts';
import {
  lookEveryMs,
  type PrimarySample,
  Standby,
  type StandbyKind,
  type StandbyState,
} from './standby.ts';
import { isReached, parseLsn, timelineSql, type WalPosition } from './wal-position.ts';

export interface StandbysOptions {
  /** Of one server or of several. */
  address: string;
  /** Requests of which a standby may serve the reads. */
  primary: Pool;
  /** Asked once a second where it is. */
  watch: Pool;
  /** Connections to each of them. */
  poolSize: number;
  /** One that is further behind is not read from. */
  maxLagMs: number;
  log: (
    level: 'warning' | 'info' | 'debug',
    message: string,
    details?: Record<string, unknown>,
  ) => void;
}

/** What a standby refuses is said so often. */
const sayAgainMs = 60_000;

/** Servers that follow the primary, and may serve reads that tolerate it. */
export interface Standbys {
  readonly list: readonly Standby[];
  readonly maxLagMs: number;
  /** One that has replayed all before a position; null: only the primary has. */
  choose(position: WalPosition | null): Standby | null;
  states(): StandbyState[];
  /** Looks at them once a second, from now on. */
  watch(): void;
  /** Asks all of them, and the primary, now. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to none before somebody looks; one that is away is no reason not to begin, and until one
 * has answered the primary serves everything.
 */
export function openStandbys(options: StandbysOptions): Standbys {
  const { primary, watch, poolSize, maxLagMs, log } = options;
  const { hosts } = readAddress(options.address);
  const list = hosts.map((host) => {
    const onUnanswered = unansweredBy(host.name);
    return new Standby(host, primary, { poolSize, isAlone: hosts.length === 1, onUnanswered });
  });
  const logged = new Map<Standby, StandbyKind>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const lookAtPrimary = async () => {
    const atMs = performance.now();
    const sample = await samplePrimary(watch).catch(() => null);
    if (sample) for (const standby of list) standby.note({ ...sample, atMs });
    // One that keeps silent does not say so.
    for (const standby of list) logChange(standby);
  };
  const lookAt = async (standby: Standby) => {
    await standby.look();
    logChange(standby);
  };
  const again = async (look: () => Promise<void>) => {
    while (!signal.aborted) {
      await look();
      await wait(lookEveryMs, null, { signal, ref: false }).catch(() => undefined);
    }
  };
  let loops: Promise<void>[] = [];
  let turn = 0;
  return {
    list,
    maxLagMs,
    choose(position) {
      turn += 1;
      const able = list
        .map((_, index) => list[(index + turn) % list.length] as Standby)
        .filter((standby) => {
          const replayed = standby.replayed(maxLagMs);
          return replayed !== null && (position === null || isReached(replayed, position));
        });
      const [first] = able.sort((one, other) => one.load - other.load);
      return first ?? null;
    },
    watch() {
      if (loops.length === 0)
        loops = [again(lookAtPrimary), ...list.map((standby) => again(() => lookAt(standby)))];
    },
    states: () => list.map((standby) => standby.state(maxLagMs)),
    async look() {
      await lookAtPrimary();
      await Promise.all(list.map(lookAt));
    },
    async close() {
      stopping.abort();
      await Promise.all(list.map((standby) => standby.close()));
      await Promise.all(loops);
    },
  };

  /** What it refuses for good is said now and then: every page costs two questions meanwhile. */
  function unansweredBy(name: string): (error: unknown) => void {
    let saidMs = Number.NEGATIVE_INFINITY;
    return (error) => {
      log('debug', 'A standby did not answer; the primary did.', { error });
      const isLasting = sqlstateOf(error)?.startsWith('42') ?? false;
      if (!isLasting || performance.now() - saidMs < sayAgainMs) return;
      saidMs = performance.now();
      const { message } = error as Error;
      log('warning', `The standby ${name} refuses what the primary answers (${message}).`);
    };
  }

  /** Once, and once when it is over. */
  function logChange(standby: Standby): void {
    const state = standby.state(maxLagMs);
    const before = logged.get(standby);
    if (state.kind === 'unknown') return;
    if (before === state.kind) return;
    logged.set(standby, state.kind);
    const { name, kind, message } = state;
    if (kind === 'away') standby.giveUp();
    if (kind === 'primary') return;
    if (kind === 'following') {
      if (before !== undefined) log('info', `The standby ${name} serves reads again.`);
      return;
    }
    const why = `${standbyTexts[kind]}${message === '' ? '' : ` (${message})`}`;
    log('warning', `The standby ${name} ${why}: the primary serves its reads.`);
  }
}

/** What is wrong with one, after its name. */
export const standbyTexts: Readonly<
  Record<Exclude<StandbyKind, 'following' | 'primary' | 'unknown'>, string>
> = {
  away: 'is not to be reached',
  behind: 'is too far behind',
  'no-standby': 'is no standby: it takes writes itself',
  elsewhere: 'does not follow this primary',
};

async function samplePrimary(watch: Pool): Promise<Omit<PrimarySample, 'atMs'>> {
  const { rows } = await watch.query<
    { lsn: string; timeline: number } & Pick<PrimarySample, 'system' | 'database' | 'began'>
  >(
    `select pg_current_wal_lsn()::text as lsn, ${timelineSql} as timeline, (select system_identifier::text from pg_control_system()) as system,
       (select oid::text from pg_database where datname = current_database()) as database, extract(epoch from pg_postmaster_start_time())::text as began`,
  );
  const [row] = rows;
  if (!row) throw new Error('the primary said nothing');
  return {
    position: { timeline: row.timeline, lsn: parseLsn(row.lsn) },
    ...{ system: row.system, database: row.database, began: row.began },
  };
}
