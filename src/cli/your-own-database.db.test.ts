import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { clone } from '../testing/clone.ts';
import {
  endedCommand,
  openEveryPage,
  type RunningCommand,
  startCommand,
  stopCommands,
  visitAs,
} from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/your-own-database.md'), 'utf8');

function blocks(language: string): string[] {
  return [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1] as string,
  );
}

interface Line {
  env: Record<string, string>;
  args: string[];
}

/**
 * `A=b npm start -- --x` as a shell would take it; a line of nothing but `export` is for those that
 * follow.
 */
function linesOf(block: string): Line[] {
  const exported: Record<string, string> = {};
  return block
    .trim()
    .split('\n')
    .flatMap((line) => {
      const words = line.replace(/^export /, '').split(' ');
      const env: Record<string, string> = {};
      while (/^[A-Z_]+=/.test(words[0] ?? '')) {
        const [name = '', ...value] = (words.shift() as string).split('=');
        env[name] = value.join('=');
      }
      if (words.length === 0) {
        Object.assign(exported, env);
        return [];
      }
      assert.equal(words.shift(), 'npm', line);
      if (words[0] === 'run') words.shift();
      return [{ env: { ...exported, ...env }, args: words }];
    });
}

/** The project of the guide: in Postgres schemas of its own, or where the address says. */
function shopIn(folder: string, isPlaced: boolean): void {
  const from = join(root, 'src/testing/schemas/several-files/prisma/schema');
  cpSync(from, folder, { recursive: true });
  if (isPlaced) return;
  for (const file of ['main.prisma', 'person.prisma', 'billing/invoice.prisma']) {
    const text = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), text.replace(/^ *(schemas +=.*|@@schema\(.*\))\n/gm, ''));
  }
}

const pages = [
  '/',
  '/invoices',
  '/invoices/A1',
  '/invoices/A1/edit',
  '/invoices/new',
  '/people',
  '/people/1',
  '/people/1/edit',
  '/tasks',
];

let bulkhead = '';
test.before((t) => {
  bulkhead = clone(t as TestContext);
});
test.after(stopCommands);

for (const [way, isPlaced] of Object.entries({
  'the embedded database': true,
  'a database with ?schema=': false,
})) {
  test(`the guide, word by word, on ${way}: with --schema, and then by src/admin.ts, every page opens on the same records`, async (t) => {
    const shop = join(bulkhead, '../shop/prisma');
    rmSync(shop, { recursive: true, force: true });
    shopIn(shop, isPlaced);
    const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
    const since = performance.now();
    const step = (what: string) =>
      t.diagnostic(`${((performance.now() - since) / 1000).toFixed(1)} s  ${what}`);
    const [look = [], yours = [], production = [], refine = [], again = []] = blocks('sh').map(
      (block) =>
        linesOf(block).map(({ env, args }) => ({
          args,
          env: {
            ...env,
            PORT: '0',
            ...(isPlaced ? {} : { DATABASE_URL: `${connectionString}?schema=shop` }),
          },
        })),
    );
    const start = ({ args, env }: Line) => startCommand(args, env, bulkhead);
    const end = async ({ args, env }: Line) => {
      const { status, text } = await endedCommand(args, env, bulkhead);
      assert.equal(status, 0, text);
      return text;
    };

    const first = await start((isPlaced ? look : yours)[0] as Line);
    step('the pages of --schema are there');
    const visitor = await visitAs(first);
    assert.equal((await visitor.post('/people/new', { name: 'Ada' })).status, 303);
    assert.equal(
      (await visitor.post('/invoices/new', { number: 'A1', state: 'open', person: '1' })).status,
      303,
    );
    const opened = await openEveryPage(visitor);
    assert.deepEqual(
      pages.filter((path) => !opened.includes(path)),
      [],
      opened.join(' '),
    );
    assert.match(await visitor.get('/'), /Shop/);
    step(`${opened.length} pages were opened`);
    await first.stop();

    if (!isPlaced) {
      const running: RunningCommand[] = [];
      for (const line of production) {
        if (line.args[0] === 'bulkhead')
          assert.match(await end(line), /ada@example\.com can sign in as admin/);
        else running.push(await start(line));
      }
      assert.equal(running.length, 2);
      for (const command of running.reverse()) await command.stop();
      step('the two halves ran, and somebody may come in');
    }

    for (const line of refine) await end(line);
    writeFileSync(join(bulkhead, 'src/admin.ts'), blocks('ts')[0] ?? '');
    if (isPlaced) compile();
    step('src/admin.ts was written');
    const second = await start(again[0] as Line);
    const same = await visitAs(second);
    assert.match(await same.get('/people'), /Ada/);
    assert.match(await same.get('/invoices'), /A1/);
    const refined = await openEveryPage(same);
    assert.deepEqual(
      pages.filter((path) => !refined.includes(path)),
      [],
      refined.join(' '),
    );
    step(`${refined.length} pages of src/admin.ts were opened`);
    await second.stop();
    if (isPlaced) return;
    const { rows } = await db.pages.query('select name from shop."Person"');
    assert.deepEqual(rows, [{ name: 'Ada' }]);
    for (const statement of blocks('sql')) await db.pages.query(statement);
    const left = await db.pages.query(
      `select nspname from pg_namespace where nspname !~ '^pg_|^information_schema$' order by 1`,
    );
    assert.deepEqual(left.rows, [{ nspname: 'public' }, { nspname: 'shop' }]);
  });
}

/** The guide's code, and Bulkhead with the types that a project says of its client. */
function compile(): void {
  writeFileSync(
    join(bulkhead, 'src/project.d.ts'),
    `import type { PrismaClient } from '../generated/own/client/client.ts';
     declare module 'bulkhead' { interface ProjectTypes { client: PrismaClient } }`,
  );
  const settings = {
    extends: './tsconfig.json',
    include: ['src/admin.ts', 'src/project.d.ts', 'src/operations/rules/run-hooks.ts'],
  };
  writeFileSync(join(bulkhead, 'tsconfig.guide.json'), JSON.stringify(settings));
  const { status, stdout } = spawnSync(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', 'tsconfig.guide.json'],
    {
      cwd: bulkhead,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout);
}
