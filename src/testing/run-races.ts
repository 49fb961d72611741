import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Database, openDatabase } from '../db/database.ts';
import { unfinishedSql } from '../tasks/states.ts';
import { insertPrincipals } from './context.ts';
import { insertPlaces } from './places.ts';
import { type Outcomes, race, raced } from './race.ts';
import { racingSql } from './racing-admin.ts';
import { findBroken, invariantsAlways } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface Raced {
  /** What was done by name, and what came of it, of each of the two processes. */
  outcomes: readonly Outcomes[];
  /** How many tasks of each kind came to which end. */
  ended: readonly { name: string; state: string; reason: string | null; count: number }[];
  broken: string[];
}

const endMs = 120_000;

/**
 * Races over an empty database: launches over overlapping records of three models, saves and asserts
 * beside, from twenty connections of two processes, while two workers run what is launched. Once all
 * has ended, nobody may have held a record beside another who is not of their family.
 */
export async function runRaces(
  { connectionString, owner }: { connectionString: string; owner: Database['pages'] },
  { launches, seed }: { launches: number; seed: number },
): Promise<Raced> {
  const db = await openDatabase({ connectionString });
  const env = {
    BULKHEAD_PLACES: '4',
    BULKHEAD_WORKER_CONCURRENCY: '2',
    BULKHEAD_LOG_LEVEL: 'error',
  };
  const admin = join(import.meta.dirname, 'racing-admin.ts');
  await prepare(db, owner);
  const workers = [
    await startWorkerProcess(connectionString, env, admin),
    await startWorkerProcess(connectionString, env, admin),
  ];
  let isOver = false;
  const watching = watch(db, () => isOver);
  try {
    const half = Math.floor(launches / 2);
    const there = promisify(execFile)(process.execPath, [
      ...process.execArgv,
      join(import.meta.dirname, 'race-process.ts'),
      ...[connectionString, String(half), String(seed + 1)],
    ]);
    const here = await race(connectionString, { launches: launches - half, seed });
    const outcomes = [here, JSON.parse((await there).stdout) as Outcomes];
    const broken = await untilEnded(db);
    isOver = true;
    broken.push(...(await watching));
    const left = {
      'nobody writes or holds what another holds': 'select text from public.violation',
      'no lock set is left': `select format('task %s', task_id) as text from ${db.t.lock_set}`,
      'no holder is left': `select format('task %s', task) as text from public.holder`,
    };
    broken.push(...(await findBroken(db, left)));
    const { rows: ended } = await db.pages.query<Raced['ended'][number]>(
      `select kind || ' ' || operation as name, state, reason, count(*)::int as count from ${db.t.task} group by 1, 2, 3 order by 1, 2, 3`,
    );
    return { outcomes, ended, broken };
  } finally {
    isOver = true;
    await watching;
    for (const worker of workers) await worker.kill('SIGTERM');
    await db.close();
  }
}

async function prepare(db: Database, owner: Database['pages']): Promise<void> {
  await insertPrincipals(db);
  await insertPlaces(db, raced);
  await owner.query(
    `insert into gazetteer.country
     select 'CA' || chr(64 + n), 'A' || chr(64 + n), 'Country ' || n, 'Europe', null, 'Capital ' || n, 1, '{}'
     from generate_series(1, $1::int) n`,
    [raced],
  );
  await owner.query(
    `insert into gazetteer.language (code, name) select 'l' || n, 'language ' || n from generate_series(1, $1::int) n`,
    [raced],
  );
  await owner.query(racingSql);
}

/** What the tables of locks say all the while. */
async function watch(db: Database, isOver: () => boolean): Promise<string[]> {
  const name = 'no record is held by two tasks, but by one and those whose part it is';
  const invariant = { [name]: invariantsAlways(db)[name] ?? '' };
  const broken: string[] = [];
  for (; !isOver(); await wait(10)) broken.push(...(await findBroken(db, invariant)));
  return broken;
}

async function untilEnded(db: Database): Promise<string[]> {
  const unfinished = {
    'every task has ended': `select format('task %s (%s) is %s: %s %s', id, title, state, reason, message) as text from ${db.t.task} where state in (${unfinishedSql})`,
  };
  for (const until = Date.now() + endMs; ; await wait(100)) {
    const left = await findBroken(db, unfinished);
    if (left.length === 0 || Date.now() > until) return left;
  }
}
