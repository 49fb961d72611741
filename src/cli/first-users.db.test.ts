import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ourPeople } from '../auth/our-people.ts';
import { parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { startCommand, stopCommands } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';
import { ensureFirstUsers } from './first-users.ts';

async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-people-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString } = await testDatabase(t);
  const emails = async () =>
    (await db.pages.query<{ email: string }>(`select email from ${db.t.user} order by 1`)).rows.map(
      ({ email }) => email,
    );
  return {
    db,
    connectionString,
    folder,
    emails,
    config: parseConfig({ BULKHEAD_FOLDER: folder, ...env }),
  };
}

const of = (db: Database) => ({ db, people: ourPeople(db) });

test('sample people are made on the embedded database and on loopback, and nowhere else', async (t) => {
  for (const [host, isEmbedded, kind] of [
    ['127.0.0.1', true, 'sample'],
    ['127.0.0.1', false, 'link'],
    ['localhost', false, 'link'],
    ['::1', false, 'link'],
    ['0.0.0.0', true, 'link'],
  ] as const) {
    await t.test(`${host}, ${isEmbedded ? 'embedded' : 'a database of somebody’s'}`, async (t) => {
      const { db, emails, config, folder } = await setUp(t, { HOST: host });
      const made = await ensureFirstUsers(of(db), config, 'http://here', isEmbedded);
      assert.equal(made.kind, kind);
      assert.equal((await emails()).length, kind === 'sample' ? 3 : 0);
      assert.deepEqual(readdirSync(folder), kind === 'sample' ? ['sample-users.json'] : []);
    });
  }
});

test('nobody is made where people are a project’s own', async (t) => {
  const { db, emails, config, folder } = await setUp(t);
  const people = { ...ourPeople(db), isOurs: false };
  for (const isEmbedded of [true, false])
    assert.deepEqual(await ensureFirstUsers({ db, people }, config, 'http://here', isEmbedded), {
      kind: 'none',
    });
  assert.deepEqual([await emails(), readdirSync(folder)], [[], []]);
});

test('serve on loopback makes nobody, prints the link, and tells no passwords of another database', async (t) => {
  const { connectionString, folder, emails, config, db } = await setUp(t);
  await ensureFirstUsers(of(db), config, 'http://here', true);
  await db.pages.query(`delete from ${db.t.user}`);
  try {
    const served = await startCommand(['serve'], {
      DATABASE_URL: connectionString,
      BULKHEAD_FOLDER: folder,
      PORT: '0',
    });
    assert.match(served.address, /127\.0\.0\.1/);
    for (let tries = 0; tries < 50 && !/first-admin/.test(served.text()); tries++)
      await new Promise((done) => setTimeout(done, 100));
    assert.match(
      served.text(),
      /Create the first admin, once, within a day: http\S+\/first-admin\?token=\S+/,
    );
    // Log lines say whom the other start had made, as the audit does.
    const said = served.text().replaceAll(/^\{.*$/gm, '');
    assert.doesNotMatch(said, /example\.com/);
    assert.doesNotMatch(served.text(), /password/i);
    assert.deepEqual(await emails(), []);
  } finally {
    await stopCommands();
  }
});
