import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../../generated/sample/client.ts';
import sample from '../admin.ts';
import { checkAdmin } from '../admin-definition.ts';
import { parseConfig, unknownSettings } from '../config.ts';
import { AppError } from '../errors.ts';
import { assertUsesPool, checkedClient } from '../resources/checked-client.ts';
import { clientOver } from '../resources/client-over.ts';
import { DefinitionError } from '../resources/problems.ts';
import { testDatabase } from '../testing/database.ts';
import { findBouncer, startBouncer } from '../testing/pgbouncer.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { requireDatabaseUrl } from './connection.ts';
import { adminOf } from './import-own-admin.ts';
import { migrateAll } from './migrate-all.ts';
import { migrateOnly } from './migrate-only.ts';
import { sameDatabase } from './same-database.ts';
import { readSchema } from './schema/read-schema.ts';
import { sentenceOf } from './sentence.ts';

/** Each mistake is made, and what comes of it is told in one sentence that says what to do. */
interface Around {
  /** Of a database with nothing in it. */
  url: string;
  folder: string;
  /** The address for another role, which may sign in. */
  as(role: string, options: string): Promise<string>;
}

const connect = async (connectionString: string, sql = 'select 1') => {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    // One that was refused half-way holds its connection, and the server would wait a minute for
    // the rest.
    await client.end();
  }
};

const changed = (url: string, change: (address: URL) => void) => {
  const address = new URL(url);
  change(address);
  return address.href;
};

const importOf = async ({ folder }: Around, text: string) => {
  const file = join(folder, `admin-${Math.random()}.ts`);
  await writeFile(file, text);
  return import(pathToFileURL(file).href);
};

const listen = (port: number, host: string) =>
  new Promise<net.Server>((done, fail) => {
    const server = net.createServer();
    server.on('error', fail);
    server.listen(port, host, () => done(server));
  });

const migrated = (url: string) => migrateAll(url, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, {});

const mistakes: readonly (readonly [
  what: string,
  make: (around: Around) => unknown,
  sentence: RegExp,
])[] = [
  [
    'a port in words',
    () => parseConfig({ PORT: 'abc' }),
    /PORT: must be a whole number from 0 to 65535\.$/,
  ],
  [
    'a port out of range',
    () => parseConfig({ PORT: '70000' }),
    /PORT: must be a whole number from 0 to 65535\.$/,
  ],
  [
    'a ratio in words',
    () => parseConfig({ BULKHEAD_STOP_RATIO: 'half' }),
    /BULKHEAD_STOP_RATIO: must be a number above 0 and at most 1\.$/,
  ],
  [
    'an unknown option',
    () => parseArgs({ args: ['--prot', '1'], options: {} }),
    /^Unknown option '--prot'\. See --help\.$/,
  ],
  [
    'TLS where there is none',
    ({ url }) => connect(`${url}?sslmode=require`),
    /does not speak TLS: leave sslmode out/,
  ],
  [
    'a raw # in a password',
    () => connect('postgresql://me:a#b@127.0.0.1:1/x'),
    /^DATABASE_URL is no address: .*%23 for #/,
  ],
  [
    'a wrong password',
    ({ url }) => connect(changed(url, (address) => (address.password = 'wrong'))),
    /refused us: password authentication failed/,
  ],
  [
    'no password',
    ({ url }) => connect(changed(url, (address) => (address.password = ''))),
    /asks for a password, and the address has none/,
  ],
  [
    'no such database',
    ({ url }) => connect(changed(url, (address) => (address.pathname = '/none'))),
    /refused us: database "none" does not exist\.$/,
  ],
  [
    'a closed port',
    ({ url }) => connect(changed(url, (address) => (address.port = '1'))),
    /cannot be reached \(connect ECONNREFUSED/,
  ],
  [
    'an unknown host',
    ({ url }) => connect(changed(url, (address) => (address.hostname = 'none.invalid'))),
    /cannot be reached \(getaddrinfo/,
  ],
  [
    'a role without CREATE',
    async ({ as }) => migrated(await as('reader', '')),
    /permission denied for database .*GRANT CREATE ON DATABASE/,
  ],
  [
    'a role that only reads',
    async ({ as }) =>
      migrated(await as('looker', '; alter role looker set default_transaction_read_only = on')),
    /only lets us read/,
  ],
  [
    'a role without connections',
    async ({ as }) => connect(await as('lonely', ' connection limit 0')),
    /takes no more connections/,
  ],
  [
    'a worker before the pages',
    ({ url }) => connect(url, 'select 1 from bulkhead.worker'),
    /^A table is not there \(relation "bulkhead.worker" does not exist\): start "npm run serve" once/,
  ],
  [
    'an address of another machine',
    () => listen(0, '203.0.113.7'),
    /^This machine has no address 203\.0\.113\.7: set HOST/,
  ],
  [
    'a port that is taken',
    async () => {
      const server = await listen(0, '127.0.0.1');
      const { port } = server.address() as net.AddressInfo;
      await listen(port, '127.0.0.1').finally(() => server.close());
    },
    /^Port \d+ is already taken: set PORT or --port/,
  ],
  [
    'a file where the folder should be',
    async ({ folder }) => {
      await writeFile(join(folder, 'file'), '');
      await mkdir(join(folder, 'file', 'state'), { recursive: true });
    },
    /cannot be written \(.*\): set BULKHEAD_FOLDER/,
  ],
  [
    'nothing generated',
    (around) => importOf(around, `import './generated/own/metadata.ts';`),
    /generated\/own\/metadata\.ts is not there.* "npm run bulkhead -- generate/,
  ],
  [
    'an import without .ts',
    (around) => importOf(around, `import './orders';`),
    /orders is not there, which an admin imports: is it spelt right, and its ending \.ts written\?$/,
  ],
  [
    'an enum',
    (around) => importOf(around, 'enum State { Open }\nexport default State;'),
    /without enum, namespace/,
  ],
  [
    'no TypeScript at all',
    (around) => importOf(around, 'const a: = 1;'),
    /cannot be read as TypeScript/,
  ],
  [
    'an export that is not there',
    (around) => importOf(around, `import { none } from 'node:path';\nexport default none;`),
    /imports what is not exported .*'none'/,
  ],
  [
    'definitions that cannot be used',
    () => {
      throw new DefinitionError(['Resource cities, columns: there is no field "nam".']);
    },
    /^The admin cannot be started:\n {2}Resource cities, columns: there is no field "nam"\.$/,
  ],
];

/** A server that answers with a certificate that it has made for itself. */
async function selfSigned(folder: string, url: string): Promise<unknown> {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const secure = { isServer: true, key: await readFile(key), cert: await readFile(cert) };
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    // It is asked whether it speaks TLS, and says that it does.
    socket.once('data', () => {
      socket.write('S');
      new tls.TLSSocket(socket, secure).on('error', () => undefined);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as net.AddressInfo;
  return connect(
    changed(`${url}?sslmode=verify-full`, (address) =>
      Object.assign(address, { port: String(port) }),
    ),
  ).finally(() => server.close());
}

/** Those that need a program which not every machine has. */
const withPrograms: typeof mistakes = [
  ...(spawnSync('openssl', ['version']).status === 0
    ? ([
        [
          'a certificate that nobody vouches for',
          ({ folder, url }: Around) => selfSigned(folder, url),
          /^The certificate of the database of DATABASE_URL cannot be trusted \(.*\): name its authority with sslrootcert=…, or write sslmode=no-verify/,
        ],
      ] as const)
    : []),
  ...(findBouncer()
    ? ([
        [
          'a pooler that does not pass on what is asked for',
          async ({ url }: Around) => {
            const bouncer = await startBouncer(url, 2);
            await connect(`${bouncer.through(url)}?options=-c%20search_path%3Da`).finally(() =>
              bouncer.stop(),
            );
          },
          /^What answers at DATABASE_URL is a pooler that does not pass this on \(.*options.*\): set DIRECT_DATABASE_URL/,
        ],
      ] as const)
    : []),
];

const moreMistakes: typeof mistakes = [
  [
    'a prefix with a dot',
    () => parseConfig({ BULKHEAD_PREFIX: '/my.admin' }),
    /BULKHEAD_PREFIX: must be empty, or a slash and letters, digits, hyphens and underscores/,
  ],
  [
    'an address of another database',
    () => parseConfig({ DATABASE_URL: 'mysql://a/b' }),
    /DATABASE_URL: must begin with postgresql:\/\/\.$/,
  ],
  [
    'a short secret',
    () => parseConfig({ BULKHEAD_SESSION_SECRET: 'short' }),
    /BULKHEAD_SESSION_SECRET: must have at least 32 characters\.$/,
  ],
  [
    'a flag in other words',
    () => parseConfig({ BULKHEAD_SECURE_COOKIES: 'yes' }),
    /BULKHEAD_SECURE_COOKIES: /,
  ],
  [
    'three mistakes at once',
    () => parseConfig({ PORT: '-1', BULKHEAD_CHUNK_SIZE: '0', BULKHEAD_LOG_LEVEL: 'loud' }),
    /PORT: .*; BULKHEAD_CHUNK_SIZE: .*; BULKHEAD_LOG_LEVEL: /,
  ],
  [
    'an option without its value',
    () => parseArgs({ args: ['--port'], options: { port: { type: 'string' } } }),
    /^Option '--port <value>' argument missing\. See --help\.$/,
  ],
  [
    'a word too many',
    () => parseArgs({ args: ['now'], options: {} }),
    /^Unexpected argument 'now'\. .*See --help\.$/,
  ],
  [
    'pages without a database',
    () => requireDatabaseUrl(parseConfig({})),
    /^Set DATABASE_URL: without it only "npm start"/,
  ],
  [
    'two addresses of different databases',
    async ({ url }) =>
      sameDatabase(
        url,
        changed(url, (address) => (address.pathname = '/postgres')),
      ),
    /^DATABASE_URL and DIRECT_DATABASE_URL lead to different databases/,
  ],
  [
    'a role that is not there',
    ({ url }) => connect(changed(url, (address) => (address.username = 'nobody'))),
    /^The database of DATABASE_URL refused us: /,
  ],
  [
    'a schema that holds something else',
    async ({ url }) => {
      await connect(url, 'create schema bulkhead; create table bulkhead.mine (id int)');
      await migrated(url).finally(() => connect(url, 'drop schema bulkhead cascade'));
    },
    /^The Postgres schema "bulkhead" holds tables that are not Bulkhead's.*set BULKHEAD_DATABASE_SCHEMA/,
  ],
  [
    'tables that are not made yet',
    ({ url }) => migrateOnly({ check: true }, parseConfig({ DATABASE_URL: url })),
    /^Not applied yet: .*npm run bulkhead -- migrate applies them\.$/,
  ],
  [
    'something else than PostgreSQL',
    async ({ url }) => {
      const server = net
        .createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
        .listen(0, '127.0.0.1');
      await new Promise((done) => server.on('listening', done));
      const { port } = server.address() as net.AddressInfo;
      await connect(changed(url, (address) => (address.port = String(port)))).finally(() =>
        server.close(),
      );
    },
    /cannot be reached \(|is no PostgreSQL/,
  ],
  [
    'an authority that is not there',
    ({ url }) => connect(`${url}?sslrootcert=/none/ca.pem`),
    /^A file is not there .*\/none\/ca\.pem/,
  ],
  [
    'no schema',
    () => readSchema('/none/schema.prisma'),
    /^There is no schema at \/none\/schema\.prisma\.$/,
  ],
  [
    'a folder without a schema',
    ({ folder }) => readSchema(join(folder, 'empty')),
    /^(The folder .* holds no \.prisma file|There is no schema at)/,
  ],
  [
    'an admin that exports none',
    () => adminOf({}, pathToFileURL('src/admin.ts').href),
    /^src\/admin\.ts exports no admin: end it with "export default defineAdmin/,
  ],
  [
    'a createClient that throws',
    () => checkedClient(() => assert.fail('no DATABASE_URL\nat once'), new pg.Pool(), []),
    /^The admin cannot be started: its createClient failed \(no DATABASE_URL\)\.$/,
  ],
  [
    'a createClient that returns none',
    () => checkedClient(() => undefined as never, new pg.Pool(), []),
    /its createClient returns no Prisma client\.$/,
  ],
  [
    'a client that was there already',
    async ({ url }) => {
      const there = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
      const pool = new pg.Pool({ connectionString: url });
      try {
        await assertUsesPool(clientOver(() => there)(pool), pool);
      } finally {
        await there.$disconnect();
        await pool.end();
      }
    },
    /its createClient makes a client that does not use the adapter that it is given: hand it on, as in createClient: \(\{ adapter \}\) => new PrismaClient\(\{ adapter \}\)\.$/,
  ],
  [
    'a client in place of what makes one',
    () =>
      checkAdmin({
        ...sample,
        createClient: new PrismaClient({ adapter: new PrismaPg('') }) as never,
      }),
    /Admin, createClient: must be a function that makes a client, .*: one that is there already connects by itself\.$/,
  ],
  [
    'a client of Prisma 5',
    () => checkedClient(madeBy('5.22.0', 'LibraryEngine'), new pg.Pool(), []),
    /its createClient makes a client of Prisma 5\.22\.0, which runs over no pool of Bulkhead's: update to Prisma 6\.16 or newer with engineType = "client", or have one made that can, with .* generate --schema PATH, and import PrismaClient from generated\/own/,
  ],
  [
    'a client that takes no adapter',
    () =>
      checkedClient(
        () => assert.fail('"adapter" needs the preview feature "driverAdapters"'),
        new pg.Pool(),
        [],
      ),
    /its createClient makes a client of a Prisma before 6\.16, which runs over no pool/,
  ],
  [
    'a client with an engine of its own',
    () => checkedClient(madeBy('6.19.3', 'LibraryEngine'), new pg.Pool(), []),
    /its createClient makes a client whose queries an engine of its own runs: say engineType = "client" in its generator and generate it again, or have one made/,
  ],
  [
    'a client without an adapter of its Prisma',
    () => checkedClient(madeBy('8.1.0', 'ClientEngine'), new pg.Pool(), []),
    /its createClient makes a client of Prisma 8\.1\.0, for which there is no adapter: npm install @prisma\/adapter-pg@8\.1\.0\.$/,
  ],
  [
    'a client of another schema',
    () =>
      checkedClient(
        clientOver(sample.createClient),
        new pg.Pool(),
        tortureAdmin.resources.slice(0, 1),
      ),
    /its createClient makes a client that has no model \w+: is it generated from the same schema as the metadata\?$/,
  ],
  [
    'a misspelt setting',
    () => endedWith(unknownSettings({ BULKHEAD_PREFX: '/a' })),
    /^There is no setting BULKHEAD_PREFX \(did you mean BULKHEAD_PREFIX\?\): it is ignored\.$/,
  ],
];

const endedWith = ([sentence = '']: string[]) => {
  throw new AppError('said', 500, sentence);
};

/** What a client of another Prisma says of itself, which is not installed here. */
const madeBy = (version: string, engine: string) =>
  clientOver(() => ({
    $transaction: () => null,
    $queryRawUnsafe: () => null,
    $executeRawUnsafe: () => null,
    _clientVersion: version,
    _engine: { name: engine },
  }));

async function around(t: TestContext): Promise<Around> {
  const { connectionString, db, defer } = await testDatabase(t, { content: 'nothing' });
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-sentence-'));
  defer(() => rm(folder, { recursive: true }));
  return {
    url: connectionString,
    folder,
    async as(role, options) {
      await db.pages.query(`create role ${role} login password 'pass'${options}`);
      defer(() => db.pages.query(`drop role ${role}`));
      return changed(connectionString, (address) =>
        Object.assign(address, { username: role, password: 'pass' }),
      );
    },
  };
}

test('every mistake at the start is told in a sentence, without a stack', async (t) => {
  const made = await around(t);
  const given = process.env.DATABASE_URL;
  t.after(() => {
    if (given === undefined) delete process.env.DATABASE_URL;
  });
  process.env.DATABASE_URL ??= made.url;
  for (const [what, make, sentence] of [...mistakes, ...moreMistakes, ...withPrograms]) {
    const error = await Promise.resolve()
      .then(() => make(made))
      .then(
        () => assert.fail(`${what} was no mistake`),
        (failure: unknown) => failure,
      );
    const said = sentenceOf(error);
    assert.equal(typeof said, 'string', `${what}: ${(error as Error).stack}`);
    assert.match(said as string, sentence, what);
    assert.doesNotMatch(said as string, /\n\s+at /, what);
  }
});

test('a bug of ours is shown whole', () => {
  const bug = new TypeError('x is not a function');
  assert.equal(sentenceOf(bug), bug);
});
