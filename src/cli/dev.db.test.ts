import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { clone } from '../testing/clone.ts';
import { startCommand, stopCommands } from '../testing/command.ts';

test('npm run dev shows a saved template and style at once, a saved source after a restart, over a database that stays up', async (t) => {
  const folder = clone(t, { isUsed: true });
  const edit = (file: string, change: (text: string) => string) => {
    const path = join(folder, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  };
  const port = await freePort();
  const schema = join(folder, 'src/testing/schemas/prisma-7/prisma/schema.prisma');
  const dev = await startCommand(
    ['dev', '--', '--port', String(port), '--schema', schema],
    {},
    folder,
  );
  const server = join(databaseFolder(folder), 'postgres/postmaster.pid');
  const [postmaster] = readFileSync(server, 'utf8').split('\n');
  try {
    const page = () => read(`${dev.address}/sign-in`);
    const styles = async () =>
      read(`${dev.address}${/\/static\/build\/styles\.css[^"]*/.exec(await page())?.[0]}`);
    const before = await page();
    assert.match(before, /An admin for the data you already have/);

    edit('views/sign-in/new.eta', (text) =>
      text.replace('<h1>', '<h1 class="pt-[7.25rem]">Halt! '),
    );
    assert.match(await page(), /Halt! /, 'the next request has it');
    t.diagnostic(
      `${await until(async () => (await styles()).includes('7.25rem'))} ms until a class was in the style sheet`,
    );
    assert.equal(dev.text().split('Ctrl-C stops it').length, 2, 'nothing was started again');

    edit('src/http/shell/shell-texts.ts', (text) =>
      text.replace('An admin for the data', 'A house for the data'),
    );
    const isNew = async () => (await page()).includes('A house for the data');
    t.diagnostic(`${await until(isNew)} ms until a source was running`);
    assert.match(await page(), /Halt! /);
    assert.equal(readFileSync(server, 'utf8').split('\n')[0], postmaster);
  } finally {
    await stopCommands();
  }
  assert.equal(existsSync(server), false, 'the database stops with it');
});

async function read(address: string): Promise<string> {
  return (await fetch(address)).text();
}

/** Where the embedded server is: in the project, or where the account that it runs as can go. */
function databaseFolder(folder: string): string {
  const elsewhere = join(folder, '.bulkhead/database-path');
  return existsSync(elsewhere) ? readFileSync(elsewhere, 'utf8').trim() : join(folder, '.bulkhead');
}

/** Milliseconds until it is so; between an end and a start nobody answers. */
async function until(isSo: () => Promise<boolean>): Promise<number> {
  const since = performance.now();
  while (!(await isSo().catch(() => false))) {
    if (performance.now() - since > 120_000) throw new Error('it did not come true');
    await new Promise((done) => setTimeout(done, 20));
  }
  return Math.round(performance.now() - since);
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
