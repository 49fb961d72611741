import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { ourFile } from '../../our-files.ts';
import { endedCommand, startCommand, stopCommands, visitAs } from '../../testing/command.ts';
import { testDatabase } from '../../testing/database.ts';

const admin = `
import { defineAdmin, defineEveryResource, defineResource } from '../../src/index.ts';
import { PrismaClient } from './client/client.ts';
import { metadata } from './metadata/metadata.ts';
export default defineAdmin({
  name: 'Kept',
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: defineEveryResource(metadata, [defineResource(metadata, 'invoice', { label: 'Bills', columns: ['number'] })]),
});
`;

test('a database that was read is kept as a schema, and refined: the other tables keep their pages, and a start says in a line what has changed since', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-kept-'));
  const kept = ourFile(`generated/kept-${process.pid}`);
  t.after(async () => {
    await stopCommands();
    for (const folder of [state, kept]) rmSync(folder, { recursive: true, force: true });
  });
  await db.pages.query(`
    create table client (id serial primary key, "名前" text not null);
    create table invoice (id serial primary key, number text not null, client_id int references client);
    create view unpaid as select id from invoice;
    create materialized view numbers as select number from invoice;
    insert into client ("名前") values ('Ada');
  `);
  const env = { BULKHEAD_FOLDER: state, INIT_CWD: ourFile() };
  const at = ['--database', connectionString];
  const generated = await endedCommand(
    ['bulkhead', '--', 'generate', ...at, '--output', relative(ourFile(), kept)],
    env,
  );
  assert.equal(generated.status, 0, generated.text);
  mkdirSync(kept, { recursive: true });
  const file = join(kept, 'admin.ts');
  writeFileSync(file, admin);
  const args = ['start', '--', '--port', '0', '--admin', relative(ourFile(), file), ...at];
  const first = await startCommand(args, env);
  assert.doesNotMatch(first.text(), /has changed|Since the last start/);
  const visitor = await visitAs(first);
  const home = await visitor.get('/');
  for (const label of ['Bills', 'Clients', 'Unpaids', 'Numbers'])
    assert.match(home, new RegExp(`<span>${label}<`));
  assert.match(await visitor.get('/clients/1'), />名前</, 'labels stay what the database says');
  await first.stop();

  await db.pages.query('alter table client add column note text');
  const second = await startCommand(args, env);
  assert.match(
    second.text(),
    /^The database has changed since its client was generated \(1 column more in client\): npm run bulkhead -- generate --database URL$/m,
  );
  await second.stop();
});
