import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalog } from '../testing/catalog.ts';
import { testDatabase } from '../testing/database.ts';
import { assertGolden } from '../testing/golden.ts';
import { migrate } from './migrations.ts';
import { differenceSql, noFilters } from './schema-engine.ts';

const folder = join(import.meta.dirname, '../../prisma/bulkhead');

test('what the migrations make is what the manifest says: tables, indexes, collations, constraints, functions', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  if (db.version < 18) return t.skip(`PostgreSQL ${db.version} writes definitions in other words`);
  await migrate(connectionString, { folder, schema: 'bulkhead' });
  const entries = (await catalog(db.pages, 'bulkhead')).filter(
    ({ what }) => !what.includes('_prisma_migrations'),
  );
  await assertGolden(
    join(folder, 'manifest.txt'),
    entries.map(({ kind, what }) => `${kind}: ${what.trim()}\n`).join(''),
  );
});

test('the schema says the same tables and columns as the migrations make', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  await migrate(connectionString, { folder, schema: 'bulkhead' });
  const path = join(folder, 'schema.prisma');
  assert.equal(
    await differenceSql(
      connectionString,
      'bulkhead',
      [[path, await readFile(path, 'utf8')]],
      noFilters,
    ),
    '',
  );
});

test('no two migrations have the same time, but for two pairs that were applied so', async () => {
  const names = (await readdir(join(folder, 'migrations'))).filter((name) => /^\d{14}_/.test(name));
  const times = names.map((name) => name.slice(0, 14));
  const twice = times.filter((time, index) => times.indexOf(time) !== index);
  assert.deepEqual(twice, ['20261121090000', '20261121091000']);
});
