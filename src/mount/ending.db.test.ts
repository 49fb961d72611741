import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { mountedDatabase } from '../testing/mounted-host.ts';

const root = join(import.meta.dirname, '../..');

/** The parts of an app that has one person, who is always signed in. */
const parts = `
const me = { id: 'me', name: 'Me', roles: ['admin'] };
const options = {
  prefix: '/admin',
  admin: { ...admin, schedules: [] },
  databaseUrl: process.env.DATABASE_URL,
  getUser: () => me,
  refreshUser: () => me,
  worker: true,
};`;

const apps = {
  'app.mjs': `
import Fastify from '${root}/node_modules/fastify/fastify.js';
import admin from '${root}/src/admin.ts';
import { bulkhead } from '${root}/src/index.ts';
${parts}
const app = Fastify();
await app.register(bulkhead, options);
const origin = await app.listen({ port: 0, host: '127.0.0.1' });
const answer = await fetch(origin + '/admin/cities');
console.log(answer.status, (await answer.text()).includes('Place 2'), (await app.bulkhead.tasks.list()).length);
await app.close();
console.log('closed');
`,
  'app.cjs': `
const express = require('${root}/node_modules/express');
const { default: admin } = require('${root}/src/admin.ts');
const { bulkhead } = require('${root}/src/index.ts');
${parts}
const handler = bulkhead.handler(options);
const server = express().use('/admin', handler).listen(0, '127.0.0.1', async () => {
  const answer = await fetch('http://127.0.0.1:' + server.address().port + '/admin/cities');
  console.log(answer.status, (await answer.text()).includes('Place 2'), (await handler.tasks.list()).length);
  server.close();
  server.closeAllConnections();
  await handler.close();
  console.log('closed');
});
`,
};

/** Standard output of a process that ends by itself. */
async function outputOf(t: TestContext, file: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let [said, failed] = ['', ''];
  child.stdout.on('data', (piece) => {
    said += piece;
  });
  child.stderr.on('data', (piece) => {
    failed += piece;
  });
  const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(120_000) });
  assert.equal(code, 0, failed);
  return said;
}

for (const [name, code] of Object.entries(apps))
  test(`${name.endsWith('cjs') ? 'by require in an Express app' : 'in a Fastify app'} a mount that is closed leaves nothing that keeps the process`, async (t) => {
    const { connectionString } = await mountedDatabase(t);
    const file = join(process.env.BULKHEAD_FOLDER ?? '', name);
    await writeFile(file, code);
    const env = { ...process.env, DATABASE_URL: connectionString };
    assert.equal(await outputOf(t, file, env), '200 true 0\nclosed\n');
  });
