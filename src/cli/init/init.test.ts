import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const root = join(import.meta.dirname, '../../..');
let base = '';

test.before(async (t) => {
  base = await mkdtemp(join(tmpdir(), 'bulkhead-init-'));
  (t as TestContext).after(() => rm(base, { recursive: true, force: true }));
});

const model = `
model Invoice {
  id     Int    @id @default(autoincrement())
  number String
}
`;
const client = `generator client {
  provider = "prisma-client"
  output   = "../src/generated/prisma" // as prisma init has it
}
`;
const source = `
datasource db {
  provider = "postgresql"
}
`;

interface Packages {
  /** Of Prisma's client, and of the adapter where it is there. */
  client?: string;
  adapter?: string;
}

/** A project with files, and with packages of these versions. */
function projectOf(
  name: string,
  files: Record<string, string>,
  { client: version, adapter }: Packages = {},
): string {
  const folder = join(base, name);
  write(folder, { 'package.json': '{ "private": true }', ...files });
  for (const [of, one] of [
    ['@prisma/client', version],
    ['@prisma/adapter-pg', adapter],
  ] as const)
    if (one)
      write(folder, { [`node_modules/${of}/package.json`]: JSON.stringify({ version: one }) });
  return folder;
}

function write(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function run(folder: string, ...args: string[]) {
  const { DATABASE_URL: _, INIT_CWD: __, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'src/cli/bulkhead.ts'), ...args],
    { cwd: folder, env, encoding: 'utf8' },
  );
  return { status, text: `${stdout}${stderr}`.trim() };
}

/** Every file of a project, less its packages. */
function filesOf(folder: string): Record<string, string> {
  const found = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    found.map((file) => [file.slice(folder.length + 1), readFileSync(file, 'latin1')]),
  );
}

/** Types it twice, and sees that the second time has changed nothing. Returns what it said first. */
function initTwice(folder: string): string {
  const before = filesOf(folder);
  const dry = run(folder, 'init', '--dry-run');
  assert.equal(dry.status, 0, dry.text);
  assert.match(dry.text, /Nothing was written: that was --dry-run\./);
  assert.deepEqual(filesOf(folder), before);
  const first = run(folder, 'init');
  assert.equal(first.status, 0, first.text);
  const after = filesOf(folder);
  const second = run(folder, 'init');
  assert.equal(second.status, 0, second.text);
  assert.match(second.text, /All is there: nothing was changed\./);
  assert.deepEqual(filesOf(folder), after);
  for (const [name, text] of Object.entries(before))
    if (!name.endsWith('.prisma')) assert.equal(after[name], text, name);
  return first.text;
}

/** What a file has become, with its lines that are new marked. */
function added(before: string, after: string): string {
  assert.ok(after.length > before.length);
  let start = 0;
  while (before[start] === after[start] && start < before.length) start++;
  const end = before.length - start;
  assert.equal(after.slice(0, start) + after.slice(after.length - end), before);
  return after.slice(start, after.length - end).trim();
}

test('init in a project of Prisma 7: prisma.config.ts names the schema, .env the database', () => {
  const schema = `${client}${source}${model}`;
  const folder = projectOf(
    'shop',
    {
      'package.json': '{ "type": "module" }',
      'prisma.config.ts': `import { defineConfig } from './config-of-prisma';
        export default defineConfig({ schema: 'db/schema.prisma' });`,
      'config-of-prisma.ts': 'export const defineConfig = (config: object) => config;',
      'db/schema.prisma': schema,
      '.env': 'DATABASE_URL=postgresql://me@127.0.0.1:1/shop\n',
      'tsconfig.json': '{ "compilerOptions": { "moduleResolution": "nodenext" } }',
    },
    { client: '7.10.0', adapter: '7.10.0' },
  );
  const said = initTwice(folder);
  assert.equal(
    said,
    [
      'The schema is db/schema.prisma (prisma.config.ts).',
      'Added generator bulkhead to db/schema.prisma; it writes src/generated/bulkhead/metadata.ts.',
      'Wrote bulkhead.config.ts.',
      'Next:',
      '  npx prisma generate',
      '  npm run bulkhead -- check',
      '  npm start',
      'The database is that of DATABASE_URL, as the environment or .env says it.',
    ].join('\n'),
  );
  assert.equal(
    added(schema, readFileSync(join(folder, 'db/schema.prisma'), 'utf8')),
    'generator bulkhead {\n  provider = "bulkhead-metadata"\n  output   = "../src/generated/bulkhead"\n}',
  );
  const config = readFileSync(join(folder, 'bulkhead.config.ts'), 'utf8');
  assert.match(config, /from '\.\/src\/generated\/bulkhead\/metadata\.js';/);
  assert.match(config, /from '\.\/src\/generated\/prisma\/client\.js';/);
  assert.match(config, /name: 'Shop',/);
});

test('init in a schema of several files, from a folder below, and with a config that cannot be loaded here', () => {
  const folder = projectOf('crm', {
    'prisma.config.ts': `import 'dotenv/config';
      import { defineConfig, env } from 'prisma/config';
      export default defineConfig({ schema: "prisma/schema", datasource: { url: env('CRM') } });`,
  });
  const from = join(root, 'src/testing/schemas/several-files/prisma/schema');
  cpSync(from, join(folder, 'prisma/schema'), { recursive: true });
  mkdirSync(join(folder, 'src'));
  const said = initTwice(join(folder, 'src'));
  assert.match(said, /^The schema is prisma\/schema, 3 files \(prisma\.config\.ts\)\.$/m);
  assert.match(said, /^Added generator bulkhead to prisma\/schema\/main\.prisma; /m);
  assert.match(said, /^ {2}npm install @prisma\/client @prisma\/adapter-pg$/m);
  assert.ok(existsSync(join(folder, 'bulkhead.config.ts')));
  for (const file of ['person.prisma', 'billing/invoice.prisma'])
    assert.equal(
      readFileSync(join(folder, 'prisma/schema', file), 'utf8'),
      readFileSync(join(from, file), 'utf8'),
    );
});

test('init in a workspace of pnpm: packages are found from the project’s folder, the schema by its package.json', async () => {
  const folder = projectOf('workspace/apps/shop', {
    'package.json': '{ "type": "commonjs", "prisma": { "schema": "data/main.prisma" } }',
    'data/main.prisma': `${client}${source}${model}`.replaceAll('\n', '\r\n'),
  });
  write(join(base, 'workspace'), {
    'package.json': '{}',
    'pnpm-workspace.yaml': 'packages: ["apps/*"]',
    'pnpm-lock.yaml': '',
    'node_modules/.pnpm/@prisma+client@7.9.0/node_modules/@prisma/client/package.json':
      '{ "version": "7.9.0" }',
  });
  mkdirSync(join(folder, 'node_modules/@prisma'), { recursive: true });
  await symlink(
    join(base, 'workspace/node_modules/.pnpm/@prisma+client@7.9.0/node_modules/@prisma/client'),
    join(folder, 'node_modules/@prisma/client'),
  );
  const said = initTwice(folder);
  assert.match(said, /^The schema is data\/main\.prisma \(package\.json\)\.$/m);
  assert.match(said, /^ {2}pnpm add @prisma\/adapter-pg@7\.9\.0$/m);
  const text = readFileSync(join(folder, 'data/main.prisma'), 'utf8');
  assert.doesNotMatch(text, /(?<!\r)\n/);
});

const old = `generator db {
  provider = "prisma-client-js"
}
datasource db {
  provider = "postgresql"
  url      = env("SHOP_URL")
}
${model}`;

test('init in a project of Prisma 6 with an engine of its own says in one sentence what to do, and writes nothing', () => {
  for (const [version, how] of [
    ['6.19.1', 'write engineType = "client" into generator db, generate, and type this again'],
    ['6.5.0', 'go to Prisma 6.16 or newer and write engineType = "client" into generator db'],
    ['5.22.0', 'go to Prisma 6.16 or newer and write engineType = "client" into generator db'],
  ] as const) {
    const folder = projectOf(
      `old-${version}`,
      { 'prisma/schema.prisma': old },
      { client: version },
    );
    const before = filesOf(folder);
    assert.deepEqual(run(folder, 'init'), {
      status: 1,
      text: `A client of Prisma ${version} with an engine of its own cannot run over Bulkhead's connections, and nothing was written: ${how}, or look at the schema with a client of Bulkhead's, by npm start -- --schema PATH.`,
    });
    assert.deepEqual(filesOf(folder), before);
  }
});

test('init in a project of Prisma 6 without an engine: its client is among the packages, its address in another variable', () => {
  const folder = projectOf(
    'newer',
    {
      'prisma/schema.prisma': old.replace(
        '"prisma-client-js"',
        '"prisma-client-js"\n  engineType = "client"',
      ),
    },
    { client: '6.19.1', adapter: '6.19.1' },
  );
  const said = initTwice(folder);
  assert.match(said, /it writes generated\/bulkhead\/metadata\.ts\.$/m);
  assert.match(said, /^The schema's address is in SHOP_URL, and Bulkhead reads DATABASE_URL: /m);
  const config = readFileSync(join(folder, 'bulkhead.config.ts'), 'utf8');
  assert.match(config, /import { PrismaClient } from '@prisma\/client';/);
  assert.match(config, /from '\.\/generated\/bulkhead\/metadata\.ts';/);
});

test('init keeps a definition and a generator that are there, whatever they are called', () => {
  const folder = projectOf(
    'kept',
    {
      'bulkhead.config.mts': 'export default null;',
      'prisma/schema.prisma': `${client}generator bulkhead {\n  provider = "something-else"\n}${source}${model}`,
    },
    { client: '7.10.0', adapter: '7.10.0' },
  );
  const said = initTwice(folder);
  assert.match(said, /^Added generator bulkheadMetadata to /m);
  assert.match(said, /^bulkhead\.config\.mts is there already\.$/m);
  assert.equal(existsSync(join(folder, 'bulkhead.config.ts')), false);
});

for (const [what, files, sentence] of [
  [
    'no schema',
    {},
    /^There is no Prisma schema in .*: neither prisma\.config\.ts nor package\.json/,
  ],
  [
    'a schema of another database',
    { 'prisma/schema.prisma': `${client}datasource db {\n provider = "mysql"\n}${model}` },
    /^The schema is for MySQL/,
  ],
  [
    'no client',
    { 'prisma/schema.prisma': `${source}${model}` },
    /^The schema has no generator of a client: add generator client/,
  ],
  [
    'a client without a place',
    {
      'prisma/schema.prisma': `generator client {\n provider = "prisma-client"\n}${source}${model}`,
    },
    /^The generator client of the client names no output/,
  ],
  [
    'a schema that is not where prisma.config.ts says',
    { 'prisma.config.ts': `export default { schema: 'none.prisma' }` },
    /^There is no schema at .*none\.prisma\.$/,
  ],
] as const) {
  test(`init with ${what}: one sentence, and nothing is written`, () => {
    const folder = projectOf(what.replaceAll(' ', '-'), files);
    const before = filesOf(folder);
    const { status, text } = run(folder, 'init');
    assert.equal(status, 1, text);
    assert.match(text, sentence);
    assert.equal(text.split('\n').length, 1, text);
    assert.deepEqual(filesOf(folder), before);
  });
}

test('a schema is written whole or not at all: a process that ends half-way leaves it as it was', () => {
  const schema = `${client}${source}${model}${`// ${'x'.repeat(70)}\n`.repeat(100)}`;
  const folder = projectOf('ended', { 'prisma/schema.prisma': schema });
  const { DATABASE_URL: _, INIT_CWD: __, ...env } = process.env;
  // Whatever it writes ends within the first two thousand bytes of a file.
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 4 && exec "$0" "$@"', process.execPath].concat(
      join(root, 'src/cli/bulkhead.ts'),
      'init',
    ),
    { cwd: folder, env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' }, encoding: 'utf8' },
  );
  assert.notEqual(status, 0, `${stdout}${stderr}`);
  assert.equal(readFileSync(join(folder, 'prisma/schema.prisma'), 'utf8'), schema);
  const { status: again, text } = run(folder, 'init');
  assert.equal(again, 0, text);
  assert.match(readFileSync(join(folder, 'prisma/schema.prisma'), 'utf8'), /generator bulkhead \{/);
});

test('a schema that is a link stays one, and is as readable as it was', () => {
  const folder = projectOf('linked', { 'shared/schema.prisma': `${client}${source}${model}` });
  const file = join(folder, 'shared/schema.prisma');
  chmodSync(file, 0o640);
  mkdirSync(join(folder, 'prisma'));
  symlinkSync('../shared/schema.prisma', join(folder, 'prisma/schema.prisma'));
  const { status, text } = run(folder, 'init');
  assert.equal(status, 0, text);
  assert.equal(lstatSync(join(folder, 'prisma/schema.prisma')).isSymbolicLink(), true);
  assert.match(readFileSync(file, 'utf8'), /generator bulkhead \{/);
  assert.equal(statSync(file).mode & 0o777, 0o640);
  assert.deepEqual(globSync('**/*.prisma*', { cwd: folder }).sort(), [
    'prisma/schema.prisma',
    'shared/schema.prisma',
  ]);
});
