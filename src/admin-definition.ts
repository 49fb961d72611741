import { type AdminSettings, adminSettingProblems } from './admin-settings.ts';
import { type People, peopleProblems } from './auth/people.ts';
import type { Channel } from './channels/contract.ts';
import type { Around, ReportError } from './log/watching.ts';
import { unknownOptions } from './nearest.ts';
import type { Notify } from './notify.ts';
import type { PageDefinition } from './pages/define-page.ts';
import { ofPlugins, withPlugins } from './plugin-origins.ts';
import type { Backend } from './queue/backend.ts';
import { backendProblems } from './queue/backends.ts';
import type { ClientParts, PrismaClientLike } from './resources/client.ts';
import type { ResourceDefinition } from './resources/define-resource.ts';
import { DefinitionError } from './resources/problems.ts';
import { type TaskColumn, taskColumnProblems } from './task-columns.ts';
import type { Schedule } from './task-definitions/define-schedule.ts';
import type { TaskDefinition } from './task-definitions/define-task.ts';
import type { TaskHook } from './task-definitions/task-hooks.ts';
import type { AroundTask } from './task-definitions/task-run.ts';
import { isManagerClass, type TaskManagerClass } from './task-manager.ts';

/**
 * What is said of an admin. Without `createClient` and `resources` it refines the pages that the
 * commands make of a Prisma schema.
 */
export interface AdminOptions {
  /** Shown in the header and the title of every page. */
  readonly name: string;
  /**
   * Makes the project's Prisma client, with its extensions, over an adapter of Bulkhead's. Called
   * for each of its pools.
   */
  readonly createClient?: (parts: ClientParts) => PrismaClientLike;
  /** What is administered, in the order of the navigation: made by `defineResource`. */
  readonly resources?: readonly ResourceDefinition[];
  /** Tasks of the project's own: what else runs in the background. */
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  readonly tasks?: readonly TaskDefinition<any, any>[];
  /** What runs at its times: tasks of the project's own, bulk operations. */
  readonly schedules?: readonly Schedule[];
  /** What the project does when something becomes of a task. */
  readonly taskHooks?: readonly TaskHook[];
  /**
   * Who is told, and how, that a task has ended: names of channels, or rules. Default: nobody is,
   * and whoever wants to know looks.
   */
  readonly notify?: Notify;
  /** Ways of the project's own to tell somebody. */
  readonly channels?: readonly Channel[];
  /** Columns of the project's own on the page of all tasks. */
  readonly taskColumns?: readonly TaskColumn[];
  /** A class of the project's own that extends `TaskManager`, with what its constructor takes beside. */
  readonly taskManager?: TaskManagerClass;
  readonly taskManagerArguments?: readonly unknown[];
  /**
   * Who people are, where they are no rows of Bulkhead's own table of users. They sign in with you:
   * Bulkhead's own page for that is not there then.
   */
  readonly people?: People;
  /**
   * What else calls workers for tasks, beside `queue` and `inline`; `in-process` where nothing but a
   * function chooses it.
   */
  readonly backends?: readonly (Backend | 'in-process')[];
  /** How tasks run, nearer than the environment; what a resource says is nearer still. */
  readonly settings?: AdminSettings;
  /**
   * Called around every run of a task of the project's own, and calls `next` once: for the context
   * of a tenant, for tracing. What `next` throws is let through.
   */
  readonly aroundTask?: AroundTask;
  /**
   * Called once for each unexpected error: of a request that is answered 500, of a task, a hook, a
   * channel. Refusals are none. It is given the error as it was thrown.
   */
  readonly reportError?: ReportError;
  /** Called around requests, tasks, chunks, hooks and channels, for tracing; it calls `run` once. */
  readonly around?: Around;
  /**
   * URL of the file whose default export this is, `import.meta.url`: processes that run one task
   * load it. Default, for the commands: the file that they found it in.
   */
  readonly definition?: string;
  /**
   * Migrations of the project's own tables that Bulkhead applies at start; leave out to apply them
   * yourself.
   */
  readonly migrations?: { readonly folder: string; readonly schema: string };
  /**
   * Fills an empty database; called at every start, so it must find out by itself whether there is
   * anything to do.
   */
  readonly seed?: (
    connectionString: string,
    onProgress: (done: number, total: number) => void,
  ) => Promise<void>;
  /** Pages of the project's own, made by `definePage`. */
  readonly pages?: readonly PageDefinition[];
  /**
   * Folder of templates that stand in place of ours of the same name (`records/show.eta`), of one
   * resource's alone below its slug (`orders/list/_table.eta`), and of the project's own pages. From
   * the folder of the definition's file.
   */
  readonly views?: string | URL;
  /** Style sheets that are loaded after ours: `['./admin.css']`. */
  readonly styles?: readonly (string | URL)[];
  /** A picture in place of our mark, square: `./logo.svg`. */
  readonly logo?: string | URL;
  /** Functions of the definition, applied in order before it is checked. */
  readonly plugins?: readonly Plugin[];
  /** Shown at the foot of every page: where the data comes from, for example. */
  readonly credits?: readonly string[];
}

/** Everything a project tells Bulkhead about itself. */
export interface AdminDefinition extends AdminOptions {
  readonly createClient: NonNullable<AdminOptions['createClient']>;
  readonly resources: NonNullable<AdminOptions['resources']>;
}

/**
 * Declares an admin: its name, its Prisma client, its resources.
 *
 * @returns the same definition as its plugins have made it, frozen
 *
 * @example
 * export default defineAdmin({
 *   name: 'Gazetteer',
 *   createClient: ({ adapter }) => new PrismaClient({ adapter }),
 *   resources: [cities, countries],
 * });
 */
export function defineAdmin(definition: AdminOptions): AdminDefinition {
  const { createClient, resources, ...rest } = definition;
  // Plugins are given what a schema makes, too: the commands apply them to the whole.
  if (!createClient || !resources) return Object.freeze({ ...definition }) as AdminDefinition;
  return Object.freeze(withPlugins({ createClient, resources, ...rest }));
}

/** A function of the definition: it is given one and returns another. */
export type Plugin = (definition: AdminDefinition) => AdminDefinition;

/**
 * Names a plugin, so that what is wrong with what it adds is said of it.
 *
 * @param name as people know it: `audit-trail`
 * @param extend given the definition as the plugins before it have made it; returns another
 *
 * @example
 * export const credited = definePlugin('credits', (definition) => ({
 *   ...definition,
 *   credits: [...(definition.credits ?? []), 'Places: GeoNames, CC BY 4.0'],
 * }));
 */
export function definePlugin(name: string, extend: Plugin): Plugin {
  return Object.defineProperty((definition: AdminDefinition) => extend(definition), 'name', {
    value: name,
  });
}

const optionNames: Readonly<Record<keyof AdminDefinition, true>> = {
  name: true,
  createClient: true,
  resources: true,
  tasks: true,
  schedules: true,
  taskHooks: true,
  notify: true,
  channels: true,
  taskColumns: true,
  taskManager: true,
  taskManagerArguments: true,
  people: true,
  backends: true,
  settings: true,
  definition: true,
  aroundTask: true,
  reportError: true,
  around: true,
  migrations: true,
  seed: true,
  pages: true,
  views: true,
  styles: true,
  logo: true,
  plugins: true,
  credits: true,
};

export function isAdminOption(name: string): boolean {
  return Object.hasOwn(optionNames, name);
}

/** Throws DefinitionError for what `defineAdmin` cannot have been meant to be given. */
export function checkAdmin(admin: AdminDefinition): void {
  const unknown = unknownOptions(admin, Object.keys(optionNames));
  const problems = unknown.map((problem) => `Admin: ${problem}`);
  if (typeof admin.name !== 'string' || admin.name.trim() === '')
    problems.push("Admin, name: must be a text, such as 'Shop': it stands on every page.");
  if (admin.plugins !== undefined)
    problems.push('Admin, plugins: are applied by defineAdmin, and this was not made by it.');
  if (admin.createClient !== undefined && typeof admin.createClient !== 'function')
    problems.push(
      'Admin, createClient: must be a function that makes a client, ({ adapter }) => new PrismaClient({ adapter }): one that is there already connects by itself.',
    );
  for (const name of ['reportError', 'around'] as const)
    if (admin[name] !== undefined && typeof admin[name] !== 'function')
      problems.push(`Admin, ${name}: must be a function.`);
  for (const name of ['createClient', 'resources'] as const)
    if (admin[name] === undefined)
      problems.push(`Admin: ${name} is missing; without both an admin refines a schema's pages.`);
  if (!Array.isArray(admin.resources)) throw new DefinitionError(problems);
  if (!isManagerClass(admin.taskManager))
    problems.push('taskManager must be a class that extends TaskManager.');
  for (const { model, options } of admin.resources)
    if (!isManagerClass(options?.taskManager))
      problems.push(`Resource ${model}, taskManager: must be a class that extends TaskManager.`);
  problems.push(
    ...taskColumnProblems(admin.taskColumns),
    ...peopleProblems(admin.people),
    ...backendProblems(admin.backends),
    ...adminSettingProblems(admin.settings),
  );
  if (problems.length > 0) throw new DefinitionError(ofPlugins(admin, problems));
}
