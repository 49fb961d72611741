import { setTimeout as wait } from 'node:timers/promises';
import type { StandbyState } from '../db/standby.ts';
import { standbyTexts } from '../db/standbys.ts';
import type { TaskContext } from '../tasks/context.ts';
import { type Finding, finder, type HealthPart, unset } from './finding.ts';

const found = finder('database');

/**
 * A process without pages looks at none in between, so that one which is a little behind seems to have
 * been so since it was last looked at: it is given time to come so far.
 */
const [looks, betweenMs] = [8, 250];

/** Of the servers that lists, counts and histories are read from. */
export const standbyParts: readonly HealthPart[] = [
  {
    name: 'standbys',
    check: 'database',
    title: 'Standbys that reads go to',
    async look({ db: { standbys } }: TaskContext) {
      if (standbys === null) return unset;
      for (let look = 0; look < looks; look++) {
        await standbys.look();
        if (standbys.states().every(({ kind }) => kind !== 'unknown' && kind !== 'behind')) break;
        await wait(betweenMs);
      }
      const states = standbys.states();
      const used = states.filter(({ isUsed }) => isUsed).length;
      return {
        findings: states.flatMap((state) => findingOf(state, standbys.maxLagMs) ?? []),
        note: `${used} of ${states.length} in use`,
      };
    },
  },
];

const remedies: Readonly<Record<keyof typeof standbyTexts, string>> = {
  away: 'Start it, or take it out of READ_DATABASE_URL. Until then the primary serves its reads.',
  behind:
    'See there what holds it up: pg_is_wal_replay_paused(), long queries with a long max_standby_streaming_delay, pg_stat_wal_receiver. BULKHEAD_READ_MAX_LAG_MS says how far behind it may be.',
  'no-standby':
    'If it was promoted, name it in DATABASE_URL and its own standbys in READ_DATABASE_URL; else take it out there.',
  elsewhere:
    'Have it follow the primary that DATABASE_URL leads to, or name one that does in READ_DATABASE_URL.',
};

/** Null: nothing is wrong with it. */
function findingOf(state: StandbyState, maxLagMs: number): Finding | null {
  const { name, kind, message, lagBytes, ageMs } = state;
  if (kind === 'following' || kind === 'primary' || kind === 'unknown') return null;
  if (kind === 'behind' && ageMs !== null && ageMs <= maxLagMs) return null;
  const details = {
    ...{ away: message, 'no-standby': '', elsewhere: '' },
    behind: `more than ${Math.round(maxLagMs / 1_000).toLocaleString('en')} s, ${Math.ceil((lagBytes ?? 0) / 1_048_576).toLocaleString('en')} MB of the log`,
  };
  const detail = details[kind] === '' ? '' : ` (${details[kind]})`;
  return found(
    `standby-${kind}:${name}`,
    `The standby ${name} ${standbyTexts[kind]}${detail}.`,
    remedies[kind],
  );
}
