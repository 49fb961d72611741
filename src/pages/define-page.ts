import type { Principal } from '../auth/principal.ts';
import type { Reader } from '../fields/reader.ts';
import type { Where } from '../resources/client.ts';
import type { ProjectClient } from '../resources/project-types.ts';
import type { TaskManager } from '../task-manager.ts';

/** What a page of the project's own is told when somebody opens it. */
export interface PageContext {
  readonly principal: Principal;
  /** Your Prisma client, for requests. It knows no row scope: ask by `where`. */
  readonly client: ProjectClient;
  /** What stands in its path for `:name`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The person's time zone. */
  readonly reader: Reader;
  /** Tasks from code, on behalf of the person. */
  readonly tasks: TaskManager;
  /** The address of a path of this site: `url('/orders')`. */
  url(path: string): string;
  /**
   * The records of a resource that the person may see, as a Prisma `where`, and of those the ones
   * that `own` matches. Throws 404 where they may not list the resource.
   *
   * @param slug of the resource
   */
  where(slug: string, own?: Where): Where;
}

/** What a page is told when its form is sent. */
export interface SubmitContext extends PageContext {
  /** What was typed, by name; our token is not among it. */
  readonly form: URLSearchParams;
}

/**
 * What becomes of a form that was sent. `again`: the page is shown once more, answered 422, with
 * this over what `load` gives. Else somebody is led on: to the path `to`, by default the page
 * itself, where `message` is shown.
 */
export type PageAnswer =
  | { again: object }
  | { to?: string; message?: string; level?: 'success' | 'warning' | 'error' | 'info' }
  // biome-ignore lint/suspicious/noConfusingVoidType: nothing to say is the usual case
  | void;

/** What a developer writes about a page. */
export interface PageOptions {
  /** Where it is: `/reports`, `/reports/:month`. */
  path: string;
  /** In the navigation, and at its head where `load` gives no `title`. */
  label: string;
  /** Of lucide's, by name: `chart-line`. Default: `file-text`. */
  icon?: string;
  /** Heading that it stands under in the navigation. Default: that of the data. */
  group?: string;
  /** In no navigation. Default: where its path has a `:name`. */
  hidden?: boolean;
  /** Who may open it, and send its form; for others it is not there. Default: administrators. */
  allowed?: (principal: Principal) => boolean;
  /**
   * Its template, in Eta: the name of one in the folder `views` (`reports/show`), or an address:
   * `new URL('./report.eta', import.meta.url)`.
   */
  view: string | URL;
  /** What the template reads as `it`; `title` and `lead` stand at its head. Default: nothing. */
  load?: (page: PageContext) => object | Promise<object>;
  /** Takes its form. Left out, it has none. */
  submit?: (page: SubmitContext) => PageAnswer | Promise<PageAnswer>;
}

/** A page of a project's own. */
export interface PageDefinition {
  readonly options: PageOptions;
}

const defined = new WeakSet<object>();

/**
 * Declares a page of your own: a route, a template, a place in the navigation, who may open it.
 * List it among the `pages` of the admin. What `load` and `submit` throw is answered as every error
 * of ours: an `AppError` with its status and message, all else as a fault that the log has.
 *
 * @param options see `PageOptions`
 * @returns a frozen definition
 *
 * @example
 * export const report = definePage({
 *   path: '/report',
 *   label: 'Report',
 *   icon: 'chart-line',
 *   allowed: ({ roles }) => roles.includes('editor'),
 *   view: new URL('./report.eta', import.meta.url),
 *   load: async ({ tasks, principal }) => ({
 *     title: `Work of ${principal.name}`,
 *     running: await tasks.list({ states: ['running'] }),
 *   }),
 * });
 */
export function definePage(options: PageOptions): PageDefinition {
  const definition = Object.freeze({ options: Object.freeze(options) });
  defined.add(definition);
  return definition;
}

export function isPageDefinition(value: unknown): value is PageDefinition {
  return typeof value === 'object' && value !== null && defined.has(value);
}
