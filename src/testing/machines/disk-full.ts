import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase } from '../../db/database.ts';
import { databaseAccount } from '../../db/embedded-account.ts';
import { openPool } from '../../db/pool.ts';
import { finished, insertPrincipals, launchOn, testContext } from '../context.ts';
import { createDatabase } from '../database.ts';
import { countWrites, insertPlaces } from '../places.ts';
import { startProgram } from '../program.ts';
import { until } from '../until.ts';
import { CannotRun } from './install.ts';

const run = promisify(execFile);
const places = 20_000;
const megabytes = 24;

/**
 * A table in a tablespace on a disk of a few megabytes that somebody else fills: its task waits, and
 * says why in the log; when there is room again it goes on, and each record is written once. Returns
 * what is broken.
 */
export async function diskFull(
  after: (undo: () => unknown) => void,
  say: (line: string) => void,
): Promise<string[]> {
  const disk = await mountDisk(after);
  const { connectionString, drop } = await createDatabase('empty');
  after(drop);
  const owner = openPool({ connectionString, name: 'owner', max: 2 });
  const db = await openDatabase({ connectionString });
  after(() => Promise.all([owner.end(), db.close()]));
  await owner.query(`create tablespace tiny location '${disk}'`);
  await owner.query('alter table gazetteer.city set tablespace tiny');
  await insertPrincipals(db);
  await insertPlaces(db, places);
  await countWrites(db);
  const filler = await fill(join(disk, 'of-somebody-else'));
  say(`A disk of ${megabytes} MB is full`);
  const worker = await startProgram('work', { DATABASE_URL: connectionString });
  after(() => worker.stop());
  const context = testContext(db);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'x'.repeat(200) },
  );
  const waits = () => worker.logged().filter(({ error }) => /No space left/.test(String(error)));
  const read = () =>
    owner.query<{ state: string; deaths: number; done: number; attempts: number }>(
      `select state, deaths, done, attempts from ${db.t.task} where id = $1`,
      [task.id],
    );
  await until(() => waits().length > 0);
  const before = (await read()).rows[0]?.attempts ?? 0;
  await until(async () => ((await read()).rows[0]?.attempts ?? 0) >= before + 2);
  const { rows } = await read();
  say(`The task is ${rows[0]?.state} at ${rows[0]?.done} of ${places}: ${waits()[0]?.message}`);
  const broken: string[] = [];
  if (rows[0]?.state !== 'running' || rows[0].deaths !== 0)
    broken.push(`BROKEN: a full disk ends a task: ${JSON.stringify(rows[0])}`);
  await rm(filler);
  await owner.query('checkpoint');
  const done = await finished(db, task.id, 120_000);
  const { rows: writes } = await owner.query<{ min: number; max: number }>(
    'select min(writes) as min, max(writes) as max from gazetteer.city',
  );
  say(`With room it is ${done.state}, ${done.changed} changed`);
  if (done.state !== 'succeeded' || done.changed !== places)
    broken.push(`BROKEN: it does not go on: ${done.state}, ${done.changed} changed`);
  if (writes[0]?.min !== 1 || writes[0].max !== 1)
    broken.push(`BROKEN: written ${writes[0]?.min} to ${writes[0]?.max} times`);
  return broken;
}

async function mountDisk(after: (undo: () => unknown) => void): Promise<string> {
  const account = await databaseAccount();
  if (process.platform !== 'linux' || account === null)
    throw new CannotRun('This mounts a small disk: run it on Linux as root.');
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]).catch(
    (error: { stderr?: string }) => {
      throw new CannotRun(`A small disk cannot be mounted here (${error.stderr?.trim()}).`);
    },
  );
  after(async () => {
    await run('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });
  await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
  return folder;
}

/** Takes all the room that there is. */
async function fill(path: string): Promise<string> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(8_192, 1);
  try {
    for (;;) await file.write(piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
  return path;
}
