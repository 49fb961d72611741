import type { AdminDefinition } from '../admin-definition.ts';
import type { OwnPages } from '../pages/own-pages.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { SiteUrl } from './url.ts';

/** What every file of routes is handed. */
export interface RouteOptions {
  admin: AdminDefinition;
  context: TaskContext;
  /** The project's own. */
  pages: OwnPages;
  url: SiteUrl;
  /** What is handed out and must come back as it was is sealed with it. */
  secret: string;
  /** Cookies go over HTTPS alone. */
  isHttps: boolean;
}
