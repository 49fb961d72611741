import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endedCommand } from '../../testing/command.ts';
import { testDatabase } from '../../testing/database.ts';
import { addressOf } from './address-of.ts';

test('an address that is none of PostgreSQL is one sentence; the name of a variable is what the variable says', () => {
  const sentences: Readonly<Record<string, RegExp>> = {
    'mysql://root@localhost/shop':
      /^--database is the address of MySQL, and Bulkhead works with PostgreSQL only\.$/,
    'file:./dev.db': /^--database is the address of SQLite, /,
    'localhost:5432/shop':
      /^--database wants an address such as postgresql:\/\/user:password@host:5432\/database\.$/,
    'postgresql://me:se#cret@[host/shop':
      /^--database is no address: in its user and password write odd characters/,
    SHOP_URL: /^--database names the environment variable SHOP_URL, which is not set: /,
    '': /^--database wants an address such as /,
  };
  for (const [given, sentence] of Object.entries(sentences))
    assert.throws(() => addressOf(given, {}), { message: sentence }, given);
  const address = 'postgresql://localhost/shop';
  assert.equal(addressOf(address, {}), address);
  assert.equal(addressOf('SHOP_URL', { SHOP_URL: address }), address);
  assert.throws(() => addressOf('SHOP_URL', { SHOP_URL: 'mysql://x/y' }), /MySQL/);
});

test('a database that cannot be administered is one sentence and exit status 1', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-none-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const say = async (
    url: string,
    command: readonly string[] = ['start', '--', '--port', '0'],
    endsWith = 1,
  ) => {
    const { status, text } = await endedCommand([...command, '--database', url], {
      BULKHEAD_FOLDER: folder,
    });
    assert.equal(status, endsWith, text);
    return text
      .replace(/^(?:Waiting for another command|Generating the database).*\n/gm, '')
      .trim();
  };
  const at = (change: Partial<URL>) => Object.assign(new URL(connectionString), change).href;
  const name = new URL(connectionString).pathname.slice(1);

  assert.equal(
    await say(connectionString),
    `The database ${name} has no tables and no views: make some, or name another database.`,
  );
  await db.pages.query('create table hidden (id int primary key)');
  assert.equal(
    await say(at({ search: '?schema=nowhere' })),
    `The Postgres schema nowhere of the database ${name} has no tables and no views: make some, or name another database.`,
  );
  const role = `bulkhead_blind_${process.pid}`;
  await db.pages.query(`create role ${role} login password 'pass'`);
  defer(() => db.pages.query(`drop role ${role}`));
  assert.equal(
    await say(at({ username: role, password: 'pass' })),
    `The database ${name} has a table, and the role ${role} may read none of them: let it (GRANT USAGE ON SCHEMA …, GRANT SELECT ON ALL TABLES IN SCHEMA …).`,
  );
  await db.pages.query('revoke select on pg_catalog.pg_class from public');
  assert.match(
    await say(at({ username: role, password: 'pass' })),
    /^The role of the database may not read its catalog \(permission denied for .*\): let it read pg_catalog, as every role may at first\.$/,
  );
  await db.pages.query('grant select on pg_catalog.pg_class to public');
  assert.match(
    await say(at({ pathname: '/nowhere' })),
    /^The database of --database refused us: database "nowhere" does not exist\.$/,
  );
  assert.match(await say(at({ port: '1' })), /^The database of --database cannot be reached \(/);
  assert.match(
    await say('mysql://localhost/shop', ['serve', '--'], 2),
    /^--database is the address of MySQL/,
  );

  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n', () => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  defer(() => new Promise((done) => server.close(done)));
  const { port } = server.address() as { port: number };
  const other = await say(`postgresql://127.0.0.1:${port}/shop`);
  assert.match(
    other,
    /^The database of --database cannot be reached|^What answers at --database/,
    other,
  );
  assert.doesNotMatch(other, /\n/);
});
