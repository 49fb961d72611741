import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import pg from 'pg';
import admin from '../admin.ts';
import { migrateAll } from '../cli/migrate-all.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { removeEmbedded, startEmbedded } from '../db/embedded.ts';
import { memoryFolder } from './memory-folder.ts';
import { fillTorture } from './torture-database.ts';

/**
 * Where the run's server is, for the processes of one run; DATABASE_URL is a server that somebody
 * else keeps.
 */
const serverVariable = 'BULKHEAD_TEST_SERVER';

export interface TestServer {
  connectionString: string;
  /**
   * Ends it as a power cut would, and starts it again where it was; null where the server is
   * somebody else's.
   */
  crash: (() => Promise<void>) | null;
  stop(): Promise<void>;
}

/** One server a run, without durability unless it is asked for. Returns how to reach it and how to end it. */
export async function startTestServer({ isDurable = false } = {}): Promise<TestServer> {
  const given = process.env.DATABASE_URL;
  if (given && !isDurable)
    return { connectionString: given, crash: null, stop: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-test-'));
  const dataFolder = isDurable ? null : await memoryFolder();
  const server = await startEmbedded({
    folder,
    database: 'postgres',
    isDurable,
    maxConnections: 300,
    ...(dataFolder ? { dataFolder } : {}),
  });
  return {
    connectionString: server.connectionString,
    crash: () => server.crash(),
    async stop() {
      await server.stop();
      await removeEmbedded(folder);
    },
  };
}

let own: ReturnType<typeof startTestServer> | null = null;
// A file of tests that is run alone has one server for all of them.
const isOfRunner = process.env.NODE_TEST_CONTEXT !== undefined;
/** From then on whoever closes the last database ends it; a hook of the file may come after this one. */
let isLast = !isOfRunner;
if (isOfRunner && !process.env[serverVariable])
  after(async () => {
    isLast = true;
    if (opened === 0) await stopOwnServer();
  });

async function serverUrl(): Promise<string> {
  const shared = process.env[serverVariable];
  if (shared) return shared;
  own ??= startTestServer();
  return (await own).connectionString;
}

/** Ends the server that this process started for itself, when the runner did not give one. */
export async function stopOwnServer(): Promise<void> {
  if (own) {
    await (await sessions)?.end();
    await (await own).stop();
  }
  [own, sessions] = [null, null];
  templates.clear();
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

let sessions: Promise<pg.Pool> | null = null;

/**
 * Sessions on the server itself, for all databases that this process makes and drops; they keep
 * nobody alive.
 */
async function openSessions(): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: await serverUrl(), max: 4, allowExitOnIdle: true });
  return pool.on('error', () => undefined);
}

async function onServer(work: (client: pg.ClientBase) => Promise<void>): Promise<void> {
  sessions ??= openSessions();
  const client = await (await sessions).connect();
  try {
    await work(client);
  } finally {
    client.release();
  }
}

const templateLock = 0x42_4c_4b_03;

/** One at a time of all processes of a run. */
async function locked(work: (client: pg.ClientBase) => Promise<unknown>): Promise<void> {
  await onServer(async (client) => {
    await client.query('select pg_advisory_lock($1)', [templateLock]);
    try {
      await work(client);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [templateLock]);
    }
  });
}

/**
 * What a test's database begins with: nothing at all, the sample's empty tables, the whole
 * gazetteer, or the torture schema with its rows.
 */
export type Content = 'nothing' | 'empty' | 'seeded' | 'torture';

/** Those that this process knows to be there. */
const templates = new Map<Content, Promise<string>>();

function ensureTemplate(content: Content): Promise<string> {
  const known = templates.get(content) ?? makeTemplate(content);
  templates.set(content, known);
  return known;
}

/** A migrated database to clone, made by the first process of a run that needs it. */
async function makeTemplate(content: Content): Promise<string> {
  if (content === 'nothing') return 'template1';
  const name = content === 'empty' ? 'bulkhead_template' : `bulkhead_template_${content}`;
  await locked(async (client) => {
    const { rowCount } = await client.query(
      `select 1 from pg_database where datname = $1 and datistemplate`,
      [name],
    );
    if (rowCount === 1) return;
    await client.query(`drop database if exists ${name}`);
    await client.query(`create database ${name}`);
    const url = urlOf(await serverUrl(), name);
    if (content === 'torture') await fillTorture(url);
    await migrateAll(
      url,
      { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' },
      content === 'torture' ? {} : admin,
    );
    if (content === 'seeded') await admin.seed?.(url, () => undefined);
    await client.query(`alter database ${name} is_template true`);
  });
  return name;
}

export interface TestDatabase {
  connectionString: string;
  db: Database;
  /** Undone after the test, last first, before the pools are closed. */
  defer(undo: () => unknown): void;
}

/**
 * Makes a database of the caller's own and a way to drop it; `testDatabase` does both for a test.
 */
export async function createDatabase(
  content: Content,
): Promise<{ connectionString: string; drop(): Promise<void> }> {
  const template = await ensureTemplate(content);
  const name = `bulkhead_test_${randomBytes(6).toString('hex')}`;
  await locked((client) =>
    client.query(`create database ${name} template ${template} strategy file_copy`),
  );
  return {
    connectionString: urlOf(await serverUrl(), name),
    drop: () => onServer((client) => dropDatabase(client, name)),
  };
}

async function dropDatabase(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`drop database if exists ${name} with (force)`);
}

export interface TestDatabaseOptions {
  seeded?: boolean;
  content?: Content;
  /** Connections for requests. */
  pagesPoolSize?: number;
  /** The way to it, where that is another than straight there. */
  through?: (connectionString: string) => string;
}

/** What signs entries of the audit in tests. */
export const testAuditSecret = 'a secret of the audit that is long enough';
// Processes that a test starts sign by the same.
process.env.BULKHEAD_AUDIT_SECRETS ??= testAuditSecret;

/** Databases of tests that this process has open: its own server ends with the last. */
let opened = 0;

/**
 * A database for one test (or one file), dropped after it; a connection that is left open then
 * fails the test.
 */
export async function testDatabase(
  t: Pick<TestContext, 'after'>,
  {
    seeded = false,
    content = seeded ? 'seeded' : 'empty',
    pagesPoolSize,
    through = (url) => url,
  }: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  opened += 1;
  const { connectionString } = await createDatabase(content);
  const db = await openDatabase({
    connectionString: through(connectionString),
    auditSecrets: [testAuditSecret],
    // Tests hold rows by transactions that stand still, for as long as their machine takes.
    staleAfterMs: 120_000,
    ...(pagesPoolSize ? { pagesPoolSize } : {}),
  });
  const undoes: (() => unknown)[] = [];
  t.after(async () => {
    for (const undo of undoes.reverse()) await undo();
    await db.close();
    const left = await dropWhenLeft(new URL(connectionString).pathname.slice(1));
    opened -= 1;
    if (isLast && opened === 0) await stopOwnServer();
    if (left.length > 0) throw new Error(`connections were left open: ${left.join(', ')}`);
  });
  return { connectionString, db, defer: (undo) => void undoes.push(undo) };
}

/** Returns the connections that nobody closed. */
async function dropWhenLeft(database: string): Promise<string[]> {
  let left: string[] = [];
  await onServer(async (client) => {
    // A connection that was just ended takes the server a moment to forget.
    for (let tries = 0; tries < 200; tries++) {
      const { rows } = await client.query<{ application_name: string }>(
        `select application_name from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
        [database],
      );
      left = rows.map((row) => row.application_name);
      if (left.length === 0) break;
      await new Promise((done) => setTimeout(done, 5));
    }
    await dropDatabase(client, database);
  });
  return left;
}
