import { commandLine } from '../command-line.ts';
import { addressInWords } from '../database-address.ts';
import { openPool } from '../db/pool.ts';
import { lookThrough } from '../db/pooler.ts';
import { mayRunWithin } from '../tasks/assert-backends.ts';
import type { TaskContext } from '../tasks/context.ts';
import { within } from '../within.ts';
import { finder, type HealthLook, type HealthPart } from './finding.ts';
import { readMigrationState } from './migration-state.ts';
import { spanInWords } from './span-in-words.ts';

const found = finder('database');

/** Share of the connections that the server allows, above which few are left. */
const fullShare = 0.9;
/** Longest that a page should wait for a connection. */
const connectMs = 2_000;
/** Clocks this far apart make times wrong that people read. */
const skewMs = 2_000;
/** Sessions, and prepared transactions, that hold rows without doing anything. */
const idleSeconds = 60;
/** Of two billion transactions. */
const frozenAge = 1_500_000_000;

export const databaseParts: readonly HealthPart[] = [
  { name: 'answers', check: 'database', title: 'The database answers', look: lookAtAnswer },
  { name: 'migrations', check: 'database', title: 'Tables of Bulkhead', look: lookAtMigrations },
  { name: 'pools', check: 'database', title: 'Connections of this process', look: lookAtPools },
  {
    name: 'connections',
    check: 'database',
    title: 'Connections of the server',
    look: lookAtServer,
  },
  {
    name: 'holders',
    check: 'database',
    title: 'Sessions that hold and do nothing',
    look: (context) => lookAtHolders(context),
  },
  { name: 'clock', check: 'database', title: 'Clocks', look: lookAtClock },
  { name: 'age', check: 'database', title: 'Age of the oldest transaction', look: lookAtAge },
  {
    ...{ name: 'direct', check: 'database', title: 'The direct address', look: lookAtDirect },
    isAskedFor: true,
  },
];

async function lookAtAnswer({ db }: TaskContext) {
  const begun = performance.now();
  const { rows } = await db.background.query<{ version: string }>(
    `select current_setting('server_version') as version`,
  );
  const note = `PostgreSQL ${rows[0]?.version.split(' ')[0]} at ${addressInWords(db.connectionString)}, ${Math.round(performance.now() - begun)} ms`;
  return { findings: [], note };
}

async function lookAtMigrations({ db }: TaskContext) {
  const { pending, failed, unknown, altered } = await readMigrationState(db);
  const migrate = `Run ${commandLine('migrate')}.`;
  const findings = [
    pending.length > 0 &&
      found(
        'migrations-pending',
        `The tables are older than this code: not applied yet: ${named(pending)}.`,
        migrate,
      ),
    failed.length > 0 &&
      found('migrations-failed', `Begun and never finished: ${named(failed)}.`, migrate),
    unknown.length > 0 &&
      found(
        'migrations-newer',
        `The tables are newer than this code, which does not know ${named(unknown)}.`,
        'Bring this process to the version of the others.',
      ),
    altered.length > 0 &&
      found(
        'migrations-altered',
        `Applied with another text than this code has: ${named(altered)}.`,
        'Find out who changed them: compare the tables with those of a fresh installation of this version.',
      ),
  ];
  return { findings: findings.filter((one) => one !== false), note: 'up to date' };
}

/** A page that waits this long for a connection is seen to be slow; a pool that is busy gives one sooner. */
async function lookAtPools({ db, config }: TaskContext) {
  const begun = performance.now();
  const pool = db.pages;
  const connecting = pool.connect();
  // One that comes late goes back too.
  connecting.then(
    (client) => client.release(),
    () => undefined,
  );
  const isFree = await within(connecting, connectMs).then(
    () => true,
    () => false,
  );
  if (isFree) {
    return {
      findings: [],
      note: `${pool.totalCount} of ${pool.options.max}, ${pool.waitingCount} wait`,
    };
  }
  return {
    findings: [
      found(
        'pool-full',
        `All ${config.BULKHEAD_PAGES_POOL_SIZE} connections of pages are taken, and ${pool.waitingCount} wait for one, for more than ${spanInWords(performance.now() - begun)}.`,
        'See what takes so long (in pg_stat_activity, application “bulkhead pages”); allow more by BULKHEAD_PAGES_POOL_SIZE, or start one more process.',
      ),
    ],
  };
}

async function lookAtServer({ db }: TaskContext) {
  const { rows } = await db.background.query<{ used: number; allowed: number }>(
    // What sessions of others are is shown to few roles; that they are there, to all.
    `select (select count(*)::int from pg_stat_activity where coalesce(backend_type, 'client backend') = 'client backend' and datid is not null and usesysid is not null) as used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as allowed`,
  );
  const { used = 0, allowed = 1 } = rows[0] ?? {};
  const findings =
    used < allowed * fullShare
      ? []
      : [
          found(
            'connections-full',
            `${used} of the ${allowed} connections that the server allows are taken.`,
            'Raise max_connections, set BULKHEAD_PAGES_POOL_SIZE, BULKHEAD_WORKER_CONCURRENCY and BULKHEAD_PLACES lower, or put a pooler before the pages.',
          ),
        ];
  return { findings, note: `${used} of ${allowed}` };
}

/** Of sessions of other roles PostgreSQL says nothing, unless ours is a member of pg_read_all_stats. */
export async function lookAtHolders(
  { db }: Pick<TaskContext, 'db'>,
  { forSeconds = idleSeconds }: { forSeconds?: number } = {},
): Promise<HealthLook> {
  const { rows } = await db.background.query<{ pid: number; name: string; seconds: number }>(
    `select pid, coalesce(nullif(application_name, ''), usename, '') as name, extract(epoch from clock_timestamp() - state_change)::int as seconds from pg_stat_activity activity
     where datname = current_database() and state like 'idle in transaction%' and state_change < clock_timestamp() - make_interval(secs => $1)
       and exists (select from pg_locks held join pg_class c on c.oid = held.relation where held.pid = activity.pid and held.granted
         and held.mode in ('RowShareLock', 'RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
         and c.relnamespace <> 'pg_catalog'::regnamespace)
     order by state_change limit 20`,
    [forSeconds],
  );
  const prepared = await db.background.query<{ gid: string }>(
    `select gid from pg_prepared_xacts where database = current_database() and prepared < clock_timestamp() - make_interval(secs => $1) order by prepared limit 20`,
    [forSeconds],
  );
  return {
    findings: [
      ...rows.map(({ pid, name, seconds }) =>
        found(
          `idle-session:${pid}`,
          `A session (${name}, process ${pid} of the server) has done nothing for ${spanInWords(seconds * 1_000)}, in a transaction that holds rows.`,
          `Find out whose it is; “select pg_terminate_backend(${pid})” ends it.`,
        ),
      ),
      ...prepared.rows.map(({ gid }) =>
        found(
          `prepared-transaction:${gid}`,
          `A prepared transaction (${gid}) has been left, with what it holds.`,
          `Whoever began it ends it; “rollback prepared '${gid.replaceAll("'", "''")}'” takes it back.`,
        ),
      ),
    ],
  };
}

async function lookAtClock({ db }: TaskContext) {
  const before = Date.now();
  const { rows } = await db.background.query<{ ms: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
  );
  const after = Date.now();
  const apartMs = clocksApart({ before, after, serverMs: rows[0]?.ms ?? before });
  const findings =
    apartMs < skewMs
      ? []
      : [
          found(
            'clock-skew',
            `The clock of this machine and that of the database are ${spanInWords(apartMs)} apart.`,
            'Have both set by NTP (timedatectl set-ntp true): what tasks do goes by the clock of the database, what pages say of times by this one.',
          ),
        ];
  return { findings, note: `${Math.round(apartMs)} ms apart` };
}

/** How far a server's clock is from ours at least, whenever within the asking it was read. */
export function clocksApart(read: { before: number; after: number; serverMs: number }): number {
  return Math.max(0, read.before - read.serverMs, read.serverMs - read.after);
}

async function lookAtAge({ db }: TaskContext) {
  const { rows } = await db.background.query<{ age: number }>(
    'select age(datfrozenxid)::int as age from pg_database where datname = current_database()',
  );
  const age = rows[0]?.age ?? 0;
  const findings =
    age < frozenAge
      ? []
      : [
          found(
            'transaction-ids',
            `The database has gone ${age.toLocaleString('en')} transactions without being frozen, and stops taking writes at 2 billion.`,
            'Run “vacuum (freeze)”, and find out what holds autovacuum up: old transactions, replication slots.',
          ),
        ];
  return { findings };
}

async function lookAtDirect(context: TaskContext) {
  const { config, db } = context;
  const address = config.DIRECT_DATABASE_URL ?? db.connectionString;
  if (!context.settings.background && !mayRunWithin(context)) return { findings: [] };
  const pool = openPool({ connectionString: address, name: 'bulkhead look', max: 2 });
  try {
    if (!(await lookThrough(pool)).isShared) return { findings: [] };
  } finally {
    await pool.end();
  }
  const variable = config.DIRECT_DATABASE_URL ? 'DIRECT_DATABASE_URL' : 'DATABASE_URL';
  return {
    findings: [
      found(
        'direct-is-pooler',
        `${variable}, where workers go, is a pooler in transaction mode: none of them can start there.`,
        'Set DIRECT_DATABASE_URL to the database itself.',
      ),
    ],
  };
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
