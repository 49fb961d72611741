import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import type { AdminDefinition } from '../admin-definition.ts';
import { foundAdmin } from '../cli/database/open-found.ts';
import { migrateAll, ours } from '../cli/migrate-all.ts';
import { openAdmin } from '../cli/open-admin.ts';
import { parseConfig } from '../config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { migrationSql } from '../db/migration-sql.ts';
import { addCatalogFacts } from '../resources/catalog-facts.ts';
import type { Resource } from '../resources/contract.ts';
import { markGenerated } from '../resources/generated-columns.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { type TestApp, testApp, type Visitor } from './app.ts';
import { ada, launchOn } from './context.ts';
import { testAuditSecret } from './database.ts';
import { formOf } from './html-form.ts';
import { workOff } from './work-off.ts';

/** What is generated is kept for all tests of a file. */
let folder: string | null = null;

export function stateFolder(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'bulkhead-found-'));
    after(() => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

export interface FoundApp extends TestApp {
  resources: AdminDefinition['resources'];
  admin: Visitor;
  /** All rows of a query of the owner's. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
  resource(slug: string): Resource;
  /** Has every record of a list edited, or deleted, by a task; returns it at its end. */
  edit(slug: string, body: Record<string, string>): Promise<TaskRow>;
  remove(slug: string): Promise<TaskRow>;
  undo(task: TaskRow): Promise<TaskRow>;
}

export interface FoundOptions {
  /** Name of a role of the test's own that the app connects as; it has rights to our tables. */
  role?: string | null;
  /** Models of a Prisma schema, in place of what is found. */
  schema?: string | null;
  /** The address as it is given to the start. */
  url?: (given: string) => string;
}

/**
 * The app over a database that is made by `sql` and read as it is, as a start with `--database`
 * reads it.
 */
export async function foundApp(
  t: TestContext,
  sql: string,
  { role = null, schema = null, url = (given) => given }: FoundOptions = {},
): Promise<FoundApp> {
  let owner: Database | null = null;
  let resources: AdminDefinition['resources'] = [];
  const as = (connectionString: string) =>
    role === null
      ? connectionString
      : Object.assign(new URL(connectionString), { username: role, password: 'pass' }).href;
  const app = await testApp(t, {
    content: 'nothing',
    async prepare({ db, connectionString, defer }) {
      owner = db;
      if (role !== null) {
        await db.pages.query(`create role "${role}" login password 'pass'`);
        defer(async () => {
          await db.pages.query(`drop owned by "${role}"`);
          await db.pages.query(`drop role "${role}"`);
        });
      }
      await db.pages.query(sql);
      await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, {});
      if (role === null) return db;
      const set = { folder: ours, schema: 'bulkhead' };
      const named = { name: role, database: 'test' };
      await db.pages.query(await migrationSql(set, 'bulkhead_queue', named));
      const own = await openDatabase({
        connectionString: as(connectionString),
        auditSecrets: [testAuditSecret],
      });
      defer(() => own.close());
      return own;
    },
    async admin(connectionString) {
      const admin = await readAdmin(url(as(connectionString)), schema);
      resources = admin.resources;
      return admin;
    },
  });
  const { context } = app;
  const connectionString = as(app.connectionString);
  const resource = (slug: string) => context.registry.get(slug);
  const launched = async (slug: string, operation: string, body: Record<string, string>) => {
    const { task } = await launchOn(context, resource(slug), { kind: 'matching' }, operation, body);
    return workOff({ ...app, connectionString }, task.id);
  };
  return {
    ...app,
    connectionString,
    resources,
    admin: await app.signIn('admin'),
    rows: async (query) => (await (owner as Database).pages.query(query)).rows,
    resource,
    edit: (slug, body) => launched(slug, 'update', body),
    remove: (slug) => launched(slug, 'delete', { acknowledge: 'yes' }),
    async undo(task) {
      const asked = { operationId: crypto.randomUUID(), chosen: null };
      const { task: undoing } = await undo(context, ada, task.id, asked);
      return workOff({ ...app, connectionString }, undoing.id);
    },
  };
}

async function readAdmin(
  connectionString: string,
  schema: string | null,
): Promise<AdminDefinition> {
  const config = parseConfig({ BULKHEAD_FOLDER: stateFolder(), DATABASE_URL: connectionString });
  const admin =
    schema === null
      ? await foundAdmin(config, () => undefined)
      : (await openAdmin({ schema: schemaFile(schema) }, config)).admin;
  const db = await openDatabase({ connectionString });
  try {
    const marked = await markGenerated(admin.resources, db.pages);
    return { ...admin, resources: await addCatalogFacts(marked, db.pages) };
  } finally {
    await db.close();
  }
}

function schemaFile(text: string): string {
  const file = join(mkdtempSync(join(stateFolder(), 'said-')), 'schema.prisma');
  writeFileSync(file, `datasource db {\n  provider = "postgresql"\n}\n${text}`);
  return file;
}

export interface Journey {
  slug: string;
  /** Address of a record. */
  record: string;
  /** What a form sends for it, and what it is then. */
  save: Record<string, string>;
  edit: Record<string, string>;
  /** Every row of the table, the owner's. */
  snapshot: string;
  /** Records that the edit changes; all that there are, unless said otherwise. */
  changed: number;
  all?: number;
}

/**
 * The whole way through a table: listed, a record saved, all edited by a task to its end and taken
 * back, all deleted and taken back; each time what the table holds.
 */
export async function workThrough(app: FoundApp, journey: Journey): Promise<void> {
  const { admin } = app;
  const { slug, record, snapshot, changed: edited, all = edited } = journey;
  const list = await admin.get(`/${slug}`);
  assert.equal(list.statusCode, 200, list.body);
  const page = await admin.get(`/${slug}/${record}`);
  assert.equal(page.statusCode, 200, page.body);
  const saved = await admin.post(`/${slug}/${record}/edit`, {
    ...formOf((await admin.get(`/${slug}/${record}/edit`)).body, 'record-form'),
    ...journey.save,
  });
  assert.equal(saved.statusCode, 303, saved.body);
  const before = await app.rows(snapshot);
  const reasons = async () =>
    JSON.stringify(await app.rows('select code, message from bulkhead.task_failure limit 3'));
  const runs = [
    { changed: edited, run: () => app.edit(slug, journey.edit) },
    { changed: all, run: () => app.remove(slug) },
  ];
  for (const { changed, run } of runs) {
    const task = await run();
    const counts = [task.state, task.changed, task.failed];
    assert.deepEqual(counts, ['succeeded', changed, 0], await reasons());
    assert.notDeepEqual(await app.rows(snapshot), before);
    const undone = await app.undo(task);
    assert.deepEqual([undone.state, undone.changed], ['succeeded', changed], await reasons());
    assert.deepEqual(await app.rows(snapshot), before);
  }
  assert.deepEqual(await app.rows('select * from bulkhead.lock_set'), []);
}
