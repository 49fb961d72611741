import type { FastifyPluginAsync } from 'fastify';
import { bulkRoutes } from './routes/bulk.ts';
import { firstAdminRoutes } from './routes/first-admin.ts';
import { filterRoutes } from './routes/filter.ts';
import { historyRoutes } from './routes/history.ts';
import { followUpRoutes } from './routes/follow-ups.ts';
import { homeRoutes } from './routes/home.ts';
import { listRoutes } from './routes/list.ts';
import { lockRoutes } from './routes/locks.ts';
import { optionsRoutes } from './routes/options.ts';
import { previewRoutes } from './routes/previews.ts';
import { recordRoutes } from './routes/records.ts';
import { selectionRoutes } from './routes/selection.ts';
import { signInRoutes } from './routes/sign-in.ts';
import { taskChangesRoutes } from './routes/task-changes.ts';
import { taskRoutes } from './routes/tasks.ts';
import type { RouteOptions } from './route-options.ts';

/** A file a noun. */
export const routes: readonly FastifyPluginAsync<RouteOptions>[] = [
  signInRoutes,
  firstAdminRoutes,
  homeRoutes,
  taskRoutes,
  taskChangesRoutes,
  followUpRoutes,
  bulkRoutes,
  previewRoutes,
  selectionRoutes,
  optionsRoutes,
  filterRoutes,
  historyRoutes,
  recordRoutes,
  lockRoutes,
  listRoutes,
];
