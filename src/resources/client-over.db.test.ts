import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../../generated/sample/client.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { secondCopy } from '../testing/second-copy.ts';
import { assertUsesPool } from './checked-client.ts';
import { clientOver } from './client-over.ts';

test('an adapter of the project, with a pg of its own, queries over our pool', async (t) => {
  const { db, defer } = await testDatabase(t);
  await insertPlaces(db, 3);
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-adapter-'));
  defer(() => rm(folder, { recursive: true }));
  await secondCopy(folder);
  const own = createRequire(join(folder, 'package.json'));
  const theirs = own('@prisma/adapter-pg') as typeof import('@prisma/adapter-pg');
  const { Pool } = createRequire(own.resolve('@prisma/adapter-pg'))('pg') as typeof pg;
  assert.notEqual(theirs.PrismaPg, PrismaPg);
  assert.equal(db.pages instanceof Pool, false);

  const given: unknown[] = [];
  const makeClient = clientOver(
    ({ adapter }) => {
      given.push(adapter);
      return new PrismaClient({ adapter });
    },
    'public',
    [folder],
  );
  const client = makeClient(db.pages);
  assert.ok(given[0] instanceof theirs.PrismaPg);
  await assertUsesPool(client, db.pages);
  const { city } = client as unknown as PrismaClient;
  assert.equal(await city.count(), 3);
  await client.$transaction(async (tx) => {
    await (tx as unknown as PrismaClient).city.updateMany({ data: { status: 'reviewed' } });
  });
  assert.equal(await city.count({ where: { status: 'reviewed' } }), 3);
});

test('where the project has none, the adapter is ours', () => {
  const given: unknown[] = [];
  const makeClient = clientOver(
    ({ adapter }) => {
      given.push(adapter);
      return new PrismaClient({ adapter });
    },
    'public',
    ['/none', tmpdir()],
  );
  makeClient(new pg.Pool());
  assert.ok(given.length === 1 && given[0] instanceof PrismaPg);
});

test('of two of its Prisma, the adapter is the one of the very version', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-adapter-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(await secondCopy(folder), '@prisma/adapter-pg/package.json');
  const own = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...own, version: '7.0.1' }));
  const given: unknown[] = [];
  const makeClient = clientOver(
    ({ adapter }) => {
      given.push(adapter);
      return new PrismaClient({ adapter });
    },
    'public',
    [folder],
  );
  makeClient(new pg.Pool());
  makeClient(new pg.Pool());
  assert.deepEqual(
    given.map((adapter) => adapter instanceof PrismaPg),
    [false, true, true],
  );
});
