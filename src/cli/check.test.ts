import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
let folder = '';

test.before(async (t) => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-check-'));
  (t as TestContext).after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'package.json'), '{}');
});

/** A definition over the sample's models, with what is said of it. */
async function check(resources: string, rest: string, ...args: string[]) {
  await writeFile(
    join(folder, 'bulkhead.config.ts'),
    `import { defineAdmin, definePage, definePlugin, defineResource, defineSchedule, defineTask } from 'bulkhead';
    import { PrismaClient } from '${root}/generated/sample/client';
    import { metadata } from '${root}/generated/sample-metadata/metadata';
    import { z } from '${root}/node_modules/zod';
    enum Name { Shop = 'Shop' }
    const tidy = defineTask({ name: 'shop.tidy', params: z.object({}), run: () => undefined });
    export default defineAdmin({
      name: Name.Shop,
      createClient: ({ adapter }) => new PrismaClient({ adapter }),
      resources: [${resources}],
      ${rest}
    });`,
  );
  const { DATABASE_URL: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'src/cli/bulkhead.ts'), 'check', ...args],
    { cwd: folder, env, encoding: 'utf8' },
  );
  return { status, stdout, text: `${stdout}${stderr}` };
}

test('check says that nothing is wrong, and how many connections there will be, without a database', async () => {
  const good = `defineResource(metadata, 'City', {}), defineResource(metadata, 'Country', {})`;
  const { status, text } = await check(good, 'tasks: [tidy],');
  assert.equal(status, 0, text);
  assert.match(
    text,
    /^Shop: 2 resources, 1 task: nothing is wrong\.\nConnections to the database: up to 14 for each process of pages \(BULKHEAD_PAGES_POOL_SIZE\), up to \d+ for each worker/,
  );
  const { text: json } = await check(good, 'tasks: [tidy],', '--json');
  assert.deepEqual(JSON.parse(json), {
    ...{ name: 'Shop', problems: [], resources: 2, tasks: 1, schedules: 0, channels: 0 },
  });
});

test('check --json says as JSON too that the definition is not there, or cannot be read', async () => {
  const { status, text } = await check('', '', '--json', '--admin', 'nowhere.ts');
  assert.equal(status, 1, text);
  assert.match(JSON.parse(text).problems.join(), /nowhere\.ts/);
  const { text: broken } = await check('', '[', '--json');
  assert.match(JSON.parse(broken).problems.join(), /bulkhead\.config\.ts/);
  const { stdout } = await check('', '', '--json', '--schema', join(root, 'prisma/torture'));
  assert.deepEqual(JSON.parse(stdout).problems, []);
});

test('check says all at once what a start would refuse, resources, tasks, hooks and settings alike', async () => {
  const bad = `defineResource(metadata, 'City', { columns: ['nam'] as never, slug: 'tasks' }), defineResource(metadata, 'Country', { serch: [] } as never)`;
  const { status, text } = await check(
    bad,
    `tasks: [tidy, tidy], settings: { chunkSize: -1 }, taskHooks: [{}] as never, nmae: 'x',`,
  );
  assert.equal(status, 1, text);
  const lines = text.trim().split('\n');
  assert.match(lines[0] ?? '', /^Shop has \d problems:$/);
  for (const line of [
    /^ {2}Admin: .*nmae/,
    /^ {2}settings: chunkSize must be /,
    /^ {2}Resource City, columns: .*nam/,
    /^ {2}Resource City, slug: "tasks" is taken/,
    /^ {2}Resource Country, .*serch/,
    /^ {2}Task shop\.tidy: /,
    /^ {2}Hook 1: /,
  ])
    assert.ok(
      lines.some((one) => line.test(one)),
      `${line} is not among\n${text}`,
    );
  assert.doesNotMatch(text, /\n\s+at /);
});

test('check says what is wrong with pages, templates and style sheets, and which plugin gave it', async () => {
  const good = `defineResource(metadata, 'City', {})`;
  const { status, text } = await check(
    good,
    `definition: import.meta.url,
    styles: ['./no.css'],
    plugins: [
      definePlugin('trail', (definition) => ({
        ...definition,
        pages: [definePage({ path: '/cities', label: 'Trail', view: new URL('./no.eta', import.meta.url) })],
      })),
    ],`,
  );
  assert.equal(status, 1, text);
  assert.match(text, /Admin, styles: there is no file .*\/no\.css\./);
  assert.match(
    text,
    /Page \/cities, path: \/cities is taken by the resource of City: .*\(The plugin trail has given it\.\)/,
  );
  assert.match(text, /Page \/cities, view: there is no template .*\/no\.eta\./);
});
