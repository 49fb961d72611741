import { type AdminDefinition, checkAdmin } from '../admin-definition.ts';
import { settingsOf } from '../admin-settings.ts';
import { auditKeys } from '../audit-keys.ts';
import { composeContext, queueSchemaOf, registryOf } from '../build-context.ts';
import { checkExtensions } from '../check-extensions.ts';
import type { Config } from '../config.ts';
import { type Database, oldestServer } from '../db/database.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import { tableNames } from '../db/names.ts';
import { openPool } from '../db/pool.ts';
import { AppError } from '../errors.ts';
import { ofPlugins } from '../plugin-origins.ts';
import { packageFolders } from '../resources/adapters.ts';
import { checkedClient } from '../resources/checked-client.ts';
import { clientOver } from '../resources/client-over.ts';
import { DefinitionError } from '../resources/problems.ts';
import { buildTaskDefinitions } from '../task-definitions/task-definitions.ts';
import { checkTaskHooks } from '../task-definitions/task-hooks.ts';
import { buildSchedules } from '../tasks/schedules/check-schedules.ts';

/** Nobody is asked for it: nothing is connected to. */
const nowhere = 'postgresql://127.0.0.1:1/none';

/**
 * What a start would refuse an admin for, all of it that can be seen without a database. Where a
 * resource is wrong, what names resources is not looked at yet.
 */
export async function checkDefinition(admin: AdminDefinition, config: Config): Promise<string[]> {
  const problems: string[] = [];
  const attempt = <T>(work: () => T): T | null => {
    try {
      return work();
    } catch (error) {
      if (error instanceof DefinitionError) problems.push(...error.problems);
      else if (error instanceof AppError) problems.push(error.message);
      else throw error;
      return null;
    }
  };
  const db = notConnected(config);
  const log = () => undefined;
  try {
    attempt(() => checkAdmin(admin));
    const settings = settingsOf(config, admin);
    const makeClient = clientOver(
      admin.createClient,
      defaultSchemaOf(db.connectionString),
      packageFolders(admin.definition),
    );
    const client = attempt(() => checkedClient(makeClient, db.pages, admin.resources));
    const registry = client && attempt(() => registryOf(db, settings, admin, log, () => client));
    const hasKeys = config.BULKHEAD_ENCRYPTION_KEYS !== undefined;
    const tasks = attempt(() =>
      buildTaskDefinitions(admin.tasks, admin.definition, registry, hasKeys),
    );
    if (registry) attempt(() => checkExtensions(admin, registry));
    if (registry && tasks) attempt(() => buildSchedules(admin.schedules, tasks, registry));
    attempt(() => checkTaskHooks(admin.taskHooks));
    if (client && problems.length === 0)
      attempt(() => composeContext(db, settings, admin, log, () => client));
  } finally {
    await db.close();
  }
  return [...new Set(ofPlugins(admin, problems))];
}

function notConnected(config: Config): Database {
  const connectionString = config.DATABASE_URL ?? nowhere;
  const pool = openPool({ connectionString, name: 'bulkhead check', max: 1 });
  return {
    connectionString,
    pages: pool,
    background: pool,
    standbys: null,
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    queueSchema: queueSchemaOf(config),
    t: tableNames(config.BULKHEAD_DATABASE_SCHEMA),
    auditKeys: auditKeys([]),
    version: oldestServer,
    beforeClose: () => undefined,
    close: () => pool.end(),
  };
}
