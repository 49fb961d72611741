import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { RunningCommand } from '../command.ts';
import { until } from '../until.ts';
import { keepLedger, type Ledgered, ledgerDifferences, numbered } from '../write-ledger.ts';
import { firstAdmin } from './first-admin.ts';
import type { HostRun } from './host-run.ts';
import {
  ends,
  type Library,
  launchesMove,
  launchesStocktake,
  shelvesOf,
  takesBack,
} from './library-walk.ts';
import { packBase } from './pack-base.ts';
import { hostFolder, makeProject, type Project } from './project.ts';

const ledgered: Ledgered[] = [
  { model: 'Book', table: '"Book"', key: numbered, columns: { shelf: 'shelf' } },
];
const holding = 4_711;
const env = { BULKHEAD_CHUNK_SIZE: '50' };

/**
 * An installation is upgraded from the package of another commit while tasks are half done: the
 * process is killed, the other package is installed, and what was under way goes on to its end,
 * nothing left out and nothing done twice.
 */
export async function upgrades(
  { place, packed, database, say }: HostRun,
  base: string,
): Promise<void> {
  const before = await packBase(place, base);
  const project = makeProject(place, 'upgrade');
  if (existsSync(before.sourcesOf('upgrade')))
    cpSync(before.sourcesOf('upgrade'), project.folder, { recursive: true });
  const { connectionString, pool } = database;
  await pool.query('create schema gazetteer');
  await keepLedger(pool, ledgered);
  await letHold(pool);
  const start = async () => {
    await project.type('npx bulkhead generate --schema prisma/schema.prisma');
    return project.start(`${project.folder}/node_modules/.bin/bulkhead start --port 0`, {
      DATABASE_URL: connectionString,
      ...env,
    });
  };

  await project.install(before.file);
  const old = await start();
  const oldMigrations = await migrationsOf(pool);
  const library = { visitor: await firstAdmin(old), prefix: '', pool };
  const tasks = await heldHalfWay(pool, async () => {
    const launched = [
      await launchesMove(library, 'attic'),
      await launchesStocktake(library, 'A'),
      await launchesStocktake(library, 'B'),
    ] as const;
    await until(async () => (await waitingOf(pool)) === 2);
    await kill(old);
    return launched;
  });
  const { moved, counted } = await doneSoFar(pool);
  assert.ok(moved > 0 && moved < 500, `${moved} books were moved`);
  assert.ok(counted > 0 && counted < 500, `${counted} books were counted`);

  cpSync(hostFolder('upgrade'), project.folder, { recursive: true });
  await project.install(packed.file);
  await plantMigration(project);
  const now = await start();
  const migrations = await migrationsOf(pool);
  const shipped = packed.files.filter((path) => /migrations\/.*\.sql$/.test(path)).length;
  assert.equal(migrations, shipped + 1);
  const after: Library = { ...library, visitor: await firstAdmin(now) };
  for (const task of tasks) await ends(after, task);
  assert.deepEqual(await shelvesOf(after), ['attic']);
  await countedOnce(pool);
  await isTrue(pool);
  await takesBack(after, tasks[0], ['A', 'B', 'C']);
  await isTrue(pool);
  await now.stop();
  say(
    `from ${before.commit.slice(0, 8)}: ${migrations - oldMigrations} migrations ran, one of them planted, with ${moved} of 500 books moved and ${counted} counted`,
  );
}

/** One that locks the table of tasks, whichever there are between the two packages. */
async function plantMigration({ folder }: Project): Promise<void> {
  const all = join(folder, 'node_modules/bulkhead/prisma/bulkhead/migrations');
  const planted = join(all, '99991231235959_of_this_test');
  await mkdir(planted);
  await writeFile(
    join(planted, 'migration.sql'),
    'ALTER TABLE "task" ADD COLUMN "of_this_test" INTEGER NOT NULL DEFAULT 0;\n',
  );
}

/** Nobody comes past the half while it works. */
async function heldHalfWay<T>(pool: pg.Pool, work: () => Promise<T>): Promise<T> {
  const holder = await pool.connect();
  try {
    await holder.query('select pg_advisory_lock($1)', [holding]);
    return await work();
  } finally {
    await holder.query('select pg_advisory_unlock($1)', [holding]);
    holder.release();
  }
}

/** Whoever writes a later row of either table waits for a lock of the test's. */
async function letHold(pool: pg.Pool): Promise<void> {
  await pool.query(
    `create function hold_half_way() returns trigger language plpgsql as $$
       begin
         if new.id > tg_argv[0]::int then perform pg_advisory_xact_lock_shared(${holding}); end if;
         return new;
       end $$;
     create trigger hold_half_way before update on "Book" for each row execute function hold_half_way(220);
     create trigger hold_half_way before insert on "Stocktake" for each row execute function hold_half_way(50)`,
  );
}

async function waitingOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from pg_locks where locktype = 'advisory' and objid = $1 and not granted
       and database = (select oid from pg_database where datname = current_database())`,
    [holding],
  );
  return rows[0]?.count ?? 0;
}

async function kill({ child }: RunningCommand): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function doneSoFar(pool: pg.Pool): Promise<{ moved: number; counted: number }> {
  const { rows } = await pool.query(
    `select (select count(*)::int from "Book" where shelf = 'attic') as moved,
       (select count(*)::int from "Stocktake") as counted`,
  );
  return rows[0];
}

async function migrationsOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as count, count(*) filter (where finished_at is null)::int as open
     from bulkhead._prisma_migrations`,
  );
  assert.equal(rows[0].open, 0);
  return rows[0].count;
}

/** By both stocktakes, each book once. */
async function countedOnce(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(
    `select count(*)::int as rows, count(distinct shelf)::int as books,
       (select count(*)::int * 2 from "Book") as wanted from "Stocktake"`,
  );
  assert.deepEqual(rows, [{ rows: rows[0].wanted, books: rows[0].wanted, wanted: rows[0].wanted }]);
}

/** What was really written is what the journal says. */
async function isTrue(pool: pg.Pool): Promise<void> {
  assert.deepEqual(await ledgerDifferences(pool, 'bulkhead.change', 10, ledgered), []);
}
