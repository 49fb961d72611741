import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../db/free-port.ts';
import { clone } from '../testing/clone.ts';
import { startCommand, stopCommands } from '../testing/command.ts';

test('npm run dev follows templates, styles and sources, saved twice by a rename, over a database that stays up', async (t) => {
  const folder = clone(t, { isUsed: true });
  /** As many editors save: a new file takes the place of the old one. */
  const edit = (file: string, from: string, to: string) => {
    const path = join(folder, file);
    writeFileSync(`${path}~`, readFileSync(path, 'utf8').replace(from, to));
    renameSync(`${path}~`, path);
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
    const tell = async (what: string, isSo: () => Promise<boolean>) =>
      t.diagnostic(`${await until(isSo)} ms until ${what}`);
    assert.match(await page(), /An admin for the data you already have/);

    let heading = '<h1>';
    for (const [word, size] of [
      ['Halt', '7.25rem'],
      ['Wait', '8.75rem'],
    ] as const) {
      edit('views/sign-in/new.eta', heading, `<h1 class="pt-[${size}]">${word} `);
      heading = `<h1 class="pt-[${size}]">${word} `;
      assert.ok((await page()).includes(`${word} `), 'the next request has it');
      await tell('a class was in the style sheet', async () => (await styles()).includes(size));
    }
    for (const [from, to] of [
      ['.skip-link {', '.skip-link { scroll-margin: 7.5rem;'],
      ['7.5rem', '8.5rem'],
    ] as const) {
      edit('views/styles.css', from, to);
      const value = /\d\.5rem/.exec(to)?.[0] as string;
      await tell('a rule was in the style sheet', async () =>
        (await styles()).includes(`scroll-margin:${value}`),
      );
    }
    assert.equal(dev.text().split('Ctrl-C stops it').length, 2, 'nothing was started again');

    for (const [from, to] of [
      ['An admin', 'A house'],
      ['A house', 'A barn'],
    ] as const) {
      edit('src/http/shell/shell-texts.ts', `${from} for the data`, `${to} for the data`);
      await tell('a source was running', async () => (await page()).includes(`${to} for the data`));
    }
    assert.match(await page(), /Wait /);
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
