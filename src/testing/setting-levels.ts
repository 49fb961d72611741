import type { TestContext } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import { type AdminSettings, adminSettingVariables } from '../admin-settings.ts';
import { buildContext } from '../build-context.ts';
import { type Config, parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { defineResource } from '../index.ts';
import type { Resource } from '../resources/contract.ts';
import type { ResourceOptions } from '../resources/options.ts';
import type { TaskContext } from '../tasks/context.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { finished, insertPrincipals, launchOn, unhurriedMs } from './context.ts';
import { testAuditSecret, testDatabase } from './database.ts';
import { insertPlaces } from './places.ts';

/** What each level says of settings. */
interface Said {
  env?: Record<string, string>;
  admin?: Partial<AdminDefinition>;
  /** Of the cities. */
  options?: ResourceOptions;
}

/** What a process has of an admin once it has read its settings, over a database of its own. */
export interface Installation {
  db: Database;
  connectionString: string;
  config: Config;
  admin: AdminDefinition;
  context: TaskContext;
  cities: Resource;
  /** Messages of its log. */
  logged: readonly string[];
  /** Launches a change of all cities, from what their page asks for. Returns the task's id. */
  launchAll(notes?: string): Promise<number>;
  /** Undone after the test, before its database is dropped. */
  defer(undo: () => unknown): void;
}

/** Reads settings and composes what is under them as every command does. */
export async function install(
  t: TestContext,
  { env = {}, admin: said = {}, options = {} }: Said,
  places = 0,
): Promise<Installation> {
  const { connectionString, defer } = await testDatabase(t);
  const config = parseConfig({
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_AUDIT_SECRETS: testAuditSecret,
    ...env,
  });
  const resource = { ...defineResource(metadata, 'City', {}), options };
  const resources = [resource, ...sample.resources.slice(1)];
  const admin = { ...sample, schedules: [], taskHooks: [], resources, ...said };
  const logged: string[] = [];
  const built = await buildContext(connectionString, config, admin, (_, message) => {
    logged.push(message);
  });
  const { db } = built;
  defer(() => db.close());
  await insertPrincipals(db);
  await insertPlaces(db, places);
  const settings = { ...built.context.settings, previewMs: unhurriedMs };
  const context = { ...built.context, settings };
  const cities = context.registry.get('cities');
  return {
    db,
    connectionString,
    config,
    admin,
    context,
    cities,
    logged,
    defer,
    async launchAll(notes = 'changed') {
      const body = { field: 'notes', 'value.notes': notes };
      const selected = { kind: 'matching', filter: '' } as const;
      return (await launchOn(context, cities, selected, 'update', body)).task.id;
    },
  };
}

/** Looks while all cities are held from a worker that is to change them; then the task ends. */
export async function whileHeld<T>(
  { context, connectionString, db }: Installation,
  { id, concurrency }: { id: number; concurrency: number },
  look: () => Promise<T>,
): Promise<T> {
  const holder = await db.background.connect();
  await holder.query('begin; select from gazetteer.city for update');
  const worker = await startWorker(context, { connectionString, concurrency });
  try {
    return await look();
  } finally {
    await holder.query('rollback');
    holder.release();
    await finished(db, id).finally(() => worker.stop());
  }
}

type Value = number | string | boolean;
interface Levels {
  environment: Value;
  admin: Value;
  resource?: Value;
}

/**
 * What is seen of a setting as more and more say it: nobody, the environment, the admin besides,
 * the resource besides, each something else.
 */
export async function seenOnLevels<T>(
  t: TestContext,
  name: keyof AdminSettings,
  { environment, admin, resource }: Levels,
  { places, env = {} }: { places: number; env?: Record<string, string> },
  look: (installation: Installation) => Promise<T>,
): Promise<T[]> {
  const [outer, nearer] = [
    { ...env, [adminSettingVariables[name]]: String(environment) },
    { settings: { [name]: admin } },
  ];
  const options = name === 'countLimit' ? { countLimit: resource } : { bulk: { [name]: resource } };
  const levels: Said[] = [{ env }, { env: outer }, { env: outer, admin: nearer }];
  if (resource !== undefined)
    levels.push({ env: outer, admin: nearer, options: options as ResourceOptions });
  const seen: T[] = [];
  for (const level of levels) seen.push(await look(await install(t, level, places)));
  return seen;
}
