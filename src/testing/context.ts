import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import { resourceDefaultsOf, settingsOf, taskSettingsOf } from '../admin-settings.ts';
import { ourPeople } from '../auth/our-people.ts';
import { askedPeople } from '../auth/people.ts';
import type { Principal } from '../auth/principal.ts';
import { ownCodeOf, withChannels } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { getOperation } from '../operations/operations.ts';
import { buildBackends } from '../queue/backends.ts';
import type { ResourceDefaults } from '../resources/build-resource.ts';
import { clientOver } from '../resources/client-over.ts';
import type { Resource } from '../resources/contract.ts';
import type { OnUnreadable } from '../resources/grants.ts';
import { buildRegistry } from '../resources/registry.ts';
import { createSelection, type Selected } from '../selection/selection.ts';
import { askManager } from '../task-managers.ts';
import type { TaskContext, TaskSettings } from '../tasks/context.ts';
import type { Launched } from '../tasks/launched.ts';
import { launch } from '../tasks/launching/launch.ts';
import { createPreview } from '../tasks/previewing/preview.ts';
import type { RunOptions } from '../tasks/run-options.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { selectTask } from '../tasks/task-row.ts';
import { runWithin } from '../tasks/worker/run-within.ts';

export const ada: Principal = {
  id: '00000000-0000-4000-8000-00000000000a',
  name: 'Ada',
  roles: ['admin'],
};
export const eve: Principal = {
  id: '00000000-0000-4000-8000-00000000000e',
  name: 'Eve',
  roles: ['editor'],
};

/** Makes them users who may sign in, as a worker of another process asks for. */
export async function insertPrincipals(db: Database): Promise<void> {
  for (const { id, name, roles } of [ada, eve]) {
    await db.pages.query(
      `insert into ${db.t.user} (id, email, name, password_hash, roles) values ($1, $2 || '@example.com', $2, 'none', $3)`,
      [id, name, roles],
    );
  }
}

/** A preview is exact however busy the machine is; a test of one that is not says so. */
export const unhurriedMs = 60_000;

/** The sample's resources, or another admin's, over a test's database. */
export function testContext(
  db: Database,
  settings: Partial<TaskSettings> = {},
  defaults: Partial<ResourceDefaults> = {},
  admin: Pick<
    AdminDefinition,
    | 'resources'
    | 'createClient'
    | 'tasks'
    | 'schedules'
    | 'taskHooks'
    | 'notify'
    | 'channels'
    | 'taskManager'
    | 'taskManagerArguments'
    | 'people'
    | 'definition'
    | 'aroundTask'
    | 'around'
    | 'backends'
  > = sample,
  onUnreadable?: OnUnreadable,
  encryptionKeys: readonly Buffer[] = [],
  env: Record<string, string> = {},
): TaskContext {
  const all = { ...resourceDefaultsOf(settingsOf(parseConfig({}), {})), ...defaults };
  const registry = buildRegistry(
    admin.resources,
    clientOver(admin.createClient),
    db.pages,
    all,
    onUnreadable,
  );
  const context: TaskContext = withChannels(
    { name: 'Gazetteer', ...admin },
    parseConfig(env),
    () => context,
    {
      db,
      registry,
      ...ownCodeOf(admin, registry, encryptionKeys, () => context),
      settings: {
        ...taskSettingsOf(settingsOf(parseConfig({}), {})),
        previewMs: unhurriedMs,
        ...settings,
      },
      // Whoever launches stays who they were, with a row of ours or without.
      people: admin.people
        ? askedPeople(admin.people, () => undefined)
        : { ...ourPeople(db), findUser: async (_, launched) => launched },
      log: () => undefined,
      backends: buildBackends(db.queueSchema, admin.backends),
      runWithin: (...tasks) => runWithin(context, db.connectionString, tasks),
      onLaunch: (asked) => askManager(admin, context, asked),
    },
  );
  return context;
}

/** Selects and launches as the pages do: selection, preview, confirm. */
export async function launchOn(
  context: TaskContext,
  resource: Resource,
  selected: Partial<Selected>,
  operation: string,
  body: Record<string, unknown>,
  principal: Principal = ada,
  options: Partial<RunOptions> = {},
): Promise<Launched & { operationId: string }> {
  const selection = await createSelection(context.db, principal, resource, {
    kind: 'ticked',
    filter: '',
    keys: [],
    exclusions: [],
    ...selected,
  });
  const preview = await createPreview(context, {
    resource,
    principal,
    operation,
    selectionId: selection.id,
  });
  const parameters = getOperation(resource, operation).parse(resource, body);
  return {
    ...(await launch(context, {
      resource,
      principal,
      operationId: preview.id,
      operation,
      parameters,
      options,
    })),
    operationId: preview.id,
  };
}

/** Waits until a task has ended; gives up with its row in the message. */
export async function finished(db: Database, taskId: number, timeoutMs = 60_000): Promise<TaskRow> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    // Every 25 ms: no more is asked than whether it has ended, so that what is measured is not the
    // looking.
    const { rows: ended } = await db.pages.query(
      `select 1 from ${db.t.task} where id = $1 and finished_at is not null`,
      [taskId],
    );
    if (ended.length > 0 || Date.now() > deadline) {
      const { rows } = await db.pages.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [taskId]);
      if (ended.length > 0) return rows[0] as TaskRow;
      throw new Error(`task ${taskId} has not ended: ${JSON.stringify(rows[0])}`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
}
