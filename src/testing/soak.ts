import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import sample from '../admin.ts';
import { buildContext } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { openPool } from '../db/pool.ts';
import { purge } from '../tasks/worker/retention.ts';
import { createDatabase, startTestServer, testAuditSecret } from './database.ts';
import { startMeasured } from './measured-process.ts';
import { insertPlaces } from './places.ts';
import { seededRandom } from './random.ts';
import { type MeasuredValue, slopeInTenMinutes } from './slope.ts';
import { type Counts, openLoad } from './soak-load.ts';
import { insertUsers } from './users.ts';

export interface Soak {
  seed: number;
  ms: number;
  /** What is measured before then is warming up. */
  warmUpMs: number;
  /** A turn: so long everybody is at work, then all comes to rest and is measured. */
  turnMs: number;
  say(line: string): void;
}

/** How one measure went after the warm-up. */
export interface Course {
  name: string;
  first: number;
  last: number;
  /** In ten minutes, as a share of the mean. */
  slope: number;
}

export interface SoakResult {
  counts: Counts;
  courses: Course[];
  broken: string[];
}

/** More than so much in ten minutes is a leak. */
export const maxSlope = 0.01;

const places = 1_000;
/** A pool closes after ten seconds what nobody uses. */
const unusedMs = 15_000;
/** So long since anybody was at work when it is measured. */
const restMs = 20_000;
const env = {
  BULKHEAD_LOG_LEVEL: 'error',
  BULKHEAD_SESSION_SECRET: 'x'.repeat(40),
  BULKHEAD_UNDO_RETENTION_DAYS: '1',
  BULKHEAD_HISTORY_RETENTION_DAYS: '1',
  BULKHEAD_AUDIT_RETENTION_DAYS: '1',
  BULKHEAD_AUDIT_SECRETS: testAuditSecret,
  // They outlast what is a day later.
  BULKHEAD_SESSION_HOURS: '200',
  BULKHEAD_SESSION_DAYS: '30',
  PORT: '0',
};

/**
 * Moderate load on pages in one process and two workers, in turns. After each, once all is at
 * rest, what was done is forgotten, and memory, connections and tables are measured.
 */
export async function soak({ seed, ms, warmUpMs, turnMs, say }: Soak): Promise<SoakResult> {
  const server = await startTestServer();
  process.env.BULKHEAD_TEST_SERVER = server.connectionString;
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-soak-'));
  const { connectionString } = await createDatabase('empty');
  const owner = openPool({ connectionString, name: 'soak', max: 2 });
  const { db, forget } = await openLater(owner, connectionString, restMs / 2);
  await insertPlaces({ pages: owner }, places);
  await insertUsers(db, (role) => ({ email: `${role}@example.test`, name: role }));
  const around = { ...env, DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  const pages = await startMeasured('serve', around);
  const workers = [await startMeasured('work', around), await startMeasured('work', around)];
  const processes = { pages, 'worker 1': workers[0], 'worker 2': workers[1] };
  const samples = new Map<string, MeasuredValue[]>();
  const counts: Counts = new Map();
  const started = Date.now();
  try {
    const work = await openLoad(pages.address, ['admin@example.test', 'editor@example.test'], {
      places,
      random: seededRandom(seed),
      counts,
    });
    while (Date.now() < started + ms) {
      await work(Date.now() + turnMs);
      await untilEnded(db);
      await wait(restMs);
      await forget();
      const at = Date.now() - started;
      for (const [name, value] of Object.entries(await measure())) {
        const course = samples.get(name) ?? [];
        course.push({ ms: at, value });
        samples.set(name, course);
      }
      say(
        `${(at / 60_000).toFixed(1)} min: ${[...samples].map(([name, all]) => `${name} ${rounded(all.at(-1)?.value ?? 0)}`).join(', ')}`,
      );
    }
  } finally {
    for (const one of Object.values(processes)) await one?.stop();
    await Promise.all([db.close(), owner.end()]);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const courses = [...samples].map(([name, all]) => courseOf(name, all, warmUpMs));
  const broken = courses
    .filter(({ name, slope }) => isBound(name) && slope > maxSlope)
    .map(({ name, slope }) => `BROKEN: ${name} rises by ${percent(slope)} in ten minutes`);
  return { counts, courses, broken };

  async function measure(): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const [name, one] of Object.entries(processes)) {
      const memory = await one?.memory();
      if (!memory) continue;
      found[`memory of ${name} (MB)`] = (memory.heapUsed + memory.external) / 1e6;
      found[`resident set of ${name} (MB)`] = memory.rss / 1e6;
    }
    // What is not needed any more is cleared away as the server does by itself, and nothing else.
    await owner.query('vacuum');
    const { rows } = await owner.query<{
      bytes: number;
      rows: number;
      dead: number;
    }>(
      `select sum(pg_total_relation_size(relid))::float8 as bytes, sum(n_live_tup)::float8 as rows, sum(n_dead_tup)::float8 as dead
       from pg_stat_user_tables`,
    );
    const [row] = rows;
    if (!row) throw new Error('nothing was measured');
    const connections = await countConnections(owner);
    found['connections open'] = connections.all;
    found['connections that nobody uses'] = connections.kept;
    found['tables (MB)'] = row.bytes / 1e6;
    found['rows in tables'] = row.rows;
    found['rows in tables, dead ones too'] = row.rows + row.dead;
    return found;
  }
}

/**
 * Those that are there and those that nobody asks anything, which a pool would have closed: sessions
 * that listen, and whatever was taken from a pool and never given back.
 */
async function countConnections(owner: Database['pages']): Promise<{ all: number; kept: number }> {
  const { rows } = await owner.query<{ all: number; kept: number }>(
    `select count(*)::int as all, count(*) filter (where state_change < clock_timestamp() - make_interval(secs => $1))::int as kept
     from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name <> 'soak'`,
    [unusedMs / 1000],
  );
  return rows[0] ?? { all: 0, kept: 0 };
}

/** What says nothing of a leak: memory that was freed and not given back, pools that happen to be busy. */
const shownOnly = ['resident set', 'connections open'];

function isBound(name: string): boolean {
  return !shownOnly.some((shown) => name.startsWith(shown));
}

function courseOf(name: string, all: readonly MeasuredValue[], warmUpMs: number): Course {
  const late = all.filter(({ ms }) => ms >= warmUpMs);
  const [first, last] = [late[0]?.value ?? 0, late.at(-1)?.value ?? 0];
  return { name, first, last, slope: late.length < 2 ? 0 : slopeInTenMinutes(late) };
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function rounded(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

async function untilEnded({ background, t }: Database): Promise<void> {
  for (const until = Date.now() + 120_000; ; await wait(200)) {
    const { rowCount } = await background.query(
      `select from ${t.task} where finished_at is null union all select from ${t.task_slot}`,
    );
    if (rowCount === 0) return;
    if (Date.now() > until) throw new Error(`${rowCount} tasks have not ended`);
  }
}

/**
 * The same database as seen so much later: what is kept for a day is forgotten once it is so old.
 * What has no setting is made older.
 */
async function openLater(owner: Database['pages'], connectionString: string, keptMs: number) {
  await owner.query(`create schema later;
    create function later.now() returns timestamptz language sql stable as $$
      select pg_catalog.now() + interval '1 day' - make_interval(secs => ${keptMs / 1000}) $$`);
  const url = new URL(connectionString);
  url.searchParams.set('options', '-c search_path=later,pg_catalog');
  const config = parseConfig({ ...env, BULKHEAD_LOG_LEVEL: 'silent' });
  const { db, context } = await buildContext(url.href, config, sample, () => undefined);
  return {
    db,
    async forget(): Promise<void> {
      for (const [table, column] of [
        [db.t.selection, 'updated_at'],
        [db.t.preview, 'created_at'],
      ])
        await owner.query(
          `update ${table} set ${column} = ${column} - interval '30 days' where ${column} < now() - make_interval(secs => $1)`,
          [keptMs / 1000],
        );
      await purge(context);
    },
  };
}
