import type { Pool } from 'pg';
import { type AdminDefinition, checkAdmin } from './admin-definition.ts';
import { resourceDefaultsOf, type Settings, settingsOf, taskSettingsOf } from './admin-settings.ts';
import { agreedSettings } from './agreed-settings.ts';
import { auditSecrets } from './audit/audit-secrets.ts';
import { ourPeople } from './auth/our-people.ts';
import { askedPeople } from './auth/people.ts';
import { alertOutbox } from './channels/alerts.ts';
import { buildChannels } from './channels/channels.ts';
import { noticeOutboxes } from './channels/send-notices.ts';
import { noticeHooks } from './channels/write-notices.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/database.ts';
import { databaseError } from './db/database-error.ts';
import { defaultSchemaOf } from './db/default-schema.ts';
import { assertOwnSessions } from './db/pooler.ts';
import { blame } from './db/sqlstate.ts';
import { AppError } from './errors.ts';
import { buildMeters } from './health/meters.ts';
import { carefulLog } from './log/careful-log.ts';
import { passThrough } from './log/pass-through.ts';
import { reporter } from './log/report.ts';
import { placeAdmin } from './place-admin.ts';
import { ofPlugins } from './plugin-origins.ts';
import { buildBackends } from './queue/backends.ts';
import { packageFolders } from './resources/adapters.ts';
import { addCatalogFacts } from './resources/catalog-facts.ts';
import { assertUsesPool, checkedClient } from './resources/checked-client.ts';
import type { Client } from './resources/client.ts';
import { clientOver } from './resources/client-over.ts';
import type { ResourceRegistry } from './resources/contract.ts';
import { markGenerated } from './resources/generated-columns.ts';
import { DefinitionError } from './resources/problems.ts';
import { buildRegistry } from './resources/registry.ts';
import { buildTaskDefinitions } from './task-definitions/task-definitions.ts';
import { checkTaskHooks } from './task-definitions/task-hooks.ts';
import { askManager } from './task-managers.ts';
import { assertBackends, mayRunWithin } from './tasks/assert-backends.ts';
import type { TaskContext } from './tasks/context.ts';
import { matchingTasks } from './tasks/matching/matching-tasks.ts';
import { buildSchedules } from './tasks/schedules/check-schedules.ts';
import { runWithin } from './tasks/worker/run-within.ts';
import { sealOutbox } from './tasks/worker/seal-outbox.ts';

export function queueSchemaOf(config: Pick<Config, 'BULKHEAD_DATABASE_SCHEMA'>): string {
  return `${config.BULKHEAD_DATABASE_SCHEMA}_queue`;
}

/** Opens the database and composes what pages and workers share. */
export async function buildContext(
  connectionString: string,
  environment: Config,
  given: AdminDefinition,
  givenLog: TaskContext['log'],
): Promise<{ db: Database; context: TaskContext }> {
  checkAdmin(given);
  const { reportError } = given;
  const log = carefulLog(
    givenLog,
    reportError && reporter(reportError, carefulLog(givenLog), isExpected),
  );
  const admin = placeAdmin(given, defaultSchemaOf(connectionString));
  const config = settingsOf(environment, admin);
  const db = await openDatabase({
    connectionString,
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    queueSchema: queueSchemaOf(config),
    pagesPoolSize: config.BULKHEAD_PAGES_POOL_SIZE,
    auditSecrets: await auditSecrets(config),
    staleAfterMs: config.BULKHEAD_STALE_AFTER_MS,
    reads: config.READ_DATABASE_URL
      ? { address: config.READ_DATABASE_URL, maxLagMs: config.BULKHEAD_READ_MAX_LAG_MS, log }
      : null,
  });
  try {
    return { db, context: await contextOf(db, config, admin, log) };
  } catch (error) {
    await db.close();
    if (error instanceof DefinitionError)
      throw new DefinitionError(ofPlugins(admin, error.problems));
    throw error;
  }
}

/** What passes by itself, and what is said to people, is nothing that anybody must be told of. */
function isExpected(error: unknown): boolean {
  return error instanceof AppError || blame(databaseError(error)) === 'passing';
}

async function contextOf(
  db: Database,
  config: Settings,
  admin: AdminDefinition,
  log: TaskContext['log'],
): Promise<TaskContext> {
  const resources = await addCatalogFacts(await markGenerated(admin.resources, db.pages), db.pages);
  const makeClient = clientOver(
    admin.createClient,
    defaultSchemaOf(db.connectionString),
    packageFolders(admin.definition),
  );
  const client = checkedClient(makeClient, db.pages, resources);
  await assertUsesPool(client, db.pages);
  const context = composeContext(db, config, { ...admin, resources }, log, (pool) =>
    pool === db.pages ? client : makeClient(pool),
  );
  if (mayRunWithin(context)) await assertOwnSessions(directOf(db, config));
  return context;
}

function directOf(db: Database, config: Pick<Config, 'DIRECT_DATABASE_URL'>): string {
  return config.DIRECT_DATABASE_URL ?? db.connectionString;
}

/** Everything but what only the database can say; throws what is wrong with the definitions. */
export function composeContext(
  db: Database,
  config: Settings,
  admin: AdminDefinition,
  log: TaskContext['log'],
  makeClient: (pool: Pool) => Client,
): TaskContext {
  const registry = registryOf(db, config, admin, log, makeClient);
  const encryptionKeys = config.BULKHEAD_ENCRYPTION_KEYS ?? [];
  const people = admin.people ? askedPeople(admin.people, log) : ourPeople(db);
  const context: TaskContext = withChannels(admin, config, () => context, {
    db,
    registry,
    ...ownCodeOf(admin, registry, encryptionKeys, () => context),
    log,
    backends: buildBackends(db.queueSchema, admin.backends),
    runWithin: (...tasks) => runWithin(context, directOf(db, config), tasks),
    settings: taskSettingsOf(config),
    onLaunch: (asked) => askManager(admin, context, asked),
    people,
  });
  assertBackends(context);
  return context;
}

export function registryOf(
  db: Database,
  config: Settings,
  admin: AdminDefinition,
  log: TaskContext['log'],
  makeClient: (pool: Pool) => Client,
): ResourceRegistry {
  return buildRegistry(
    admin.resources,
    makeClient,
    db.pages,
    resourceDefaultsOf(config),
    (message, details) => log('error', message, details),
    db.t,
  );
}

/** With the ways to tell people, and what delivers by them; `contextOf` gives what this makes. */
export function withChannels(
  admin: Pick<AdminDefinition, 'notify' | 'channels' | 'name'>,
  config: Omit<Settings, 'BULKHEAD_BACKEND'>,
  contextOf: () => TaskContext,
  parts: Omit<TaskContext, 'channels' | 'outboxes' | 'prefix' | 'config' | 'meters' | 'agreed'>,
): TaskContext {
  const channels = buildChannels({
    notify: admin.notify,
    own: admin.channels,
    resources: parts.registry.list,
    definitions: parts.definitions,
    people: parts.people,
    settings: { ...config, name: admin.name },
  });
  const whole = {
    ...parts,
    prefix: config.BULKHEAD_PREFIX,
    config,
    meters: buildMeters(contextOf),
    hooks: [...parts.hooks, ...noticeHooks(contextOf, channels.list.length > 0)],
    channels,
    outboxes: [
      ...noticeOutboxes(contextOf, channels.list),
      alertOutbox(contextOf),
      sealOutbox(contextOf, config),
    ],
  };
  return { ...whole, agreed: agreedSettings(config, whole) };
}

/**
 * Code of the admin's own that tasks come to: checked, and as they read it, with Bulkhead's own
 * beside it, whose runs are given what `contextOf` gives.
 */
export function ownCodeOf(
  admin: Pick<
    AdminDefinition,
    'tasks' | 'schedules' | 'taskHooks' | 'definition' | 'aroundTask' | 'around'
  >,
  registry: ResourceRegistry,
  encryptionKeys: readonly Buffer[],
  contextOf: () => TaskContext,
): Pick<
  TaskContext,
  | 'definitions'
  | 'schedules'
  | 'encryptionKeys'
  | 'hooks'
  | 'definitionFile'
  | 'aroundTask'
  | 'around'
> {
  const hasKeys = encryptionKeys.length > 0;
  const own = buildTaskDefinitions(admin.tasks, admin.definition, registry, hasKeys);
  return {
    definitions: new Map([...own, ...matchingTasks(contextOf)]),
    schedules: buildSchedules(admin.schedules, own, registry),
    encryptionKeys,
    hooks: checkTaskHooks(admin.taskHooks),
    definitionFile: admin.definition ?? null,
    aroundTask: admin.aroundTask,
    around: admin.around && passThrough(admin.around, () => contextOf().log),
  };
}
