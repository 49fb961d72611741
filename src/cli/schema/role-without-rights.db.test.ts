import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../config.ts';
import { testDatabase } from '../../testing/database.ts';
import { bringUp } from '../bring-up.ts';
import { openAdmin } from '../open-admin.ts';
import { sentenceOf } from '../sentence.ts';

test('a role that may not see some tables, in a database that was filled before: starts; where the schema has changed, one sentence and nothing changed', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  t.mock.method(console, 'log', () => undefined);
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-role-'));
  defer(() => rm(folder, { recursive: true, force: true }));
  const shop = join(folder, 'shop');
  await cp(join(import.meta.dirname, '../../testing/schemas/several-files'), shop, {
    recursive: true,
  });
  const config = parseConfig({
    BULKHEAD_FOLDER: join(folder, 'state'),
    DATABASE_URL: connectionString,
  });
  const start = async (url: string) =>
    bringUp(await openAdmin({ schema: shop }, config), config, url);
  await start(connectionString);

  const role = `bulkhead_narrow_${process.pid}`;
  await db.pages.query(`create role ${role} login password 'pass'`);
  defer(async () => {
    await db.pages.query(`drop owned by ${role}`);
    await db.pages.query(`drop role ${role}`);
  });
  for (const schema of ['bulkhead', 'bulkhead_queue', 'people']) {
    await db.pages.query(
      `grant usage on schema ${schema} to ${role}; grant all on all tables in schema ${schema} to ${role}`,
    );
  }
  const as = Object.assign(new URL(connectionString), { username: role, password: 'pass' }).href;
  const admin = await start(as);
  assert.deepEqual(admin.resources.map(({ model }) => model).sort(), ['Invoice', 'Person']);

  const columns = async () =>
    (
      await db.pages.query(
        `select table_schema, table_name, column_name from information_schema.columns where table_schema in ('people', 'billing') order by 1, 2, 3`,
      )
    ).rows;
  const before = await columns();
  const file = join(shop, 'prisma/schema/billing/invoice.prisma');
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replace(
      'number   String',
      'note     String?\n  number   String',
    ),
  );
  const said = sentenceOf(
    await start(as).then(
      () => null,
      (error: unknown) => error,
    ),
  );
  assert.equal(typeof said, 'string', String((said as Error)?.stack));
  assert.match(said as string, /^The database refused the schema, and nothing was changed: /);
  assert.deepEqual(await columns(), before);
  await start(connectionString);
  assert.equal((await columns()).length, before.length + 1);
});
