import type { FastifyPluginAsync } from 'fastify';
import { activityRoutes } from './activity/activity-routes.ts';
import { auditRoutes } from './audit/audit-routes.ts';
import { bulkRoutes } from './bulk/bulk-routes.ts';
import { previewRoutes } from './bulk/previews-routes.ts';
import { optionsRoutes } from './controls/options-routes.ts';
import { deliveriesRoutes } from './deliveries/deliveries-routes.ts';
import { healthPageRoutes } from './health/health-routes.ts';
import { homeRoutes } from './home/home-routes.ts';
import { filterRoutes } from './list/filter-routes.ts';
import { listRoutes } from './list/list-routes.ts';
import { selectionRoutes } from './list/selection-routes.ts';
import { liveRoutes } from './live/live-routes.ts';
import { noticesRoutes } from './notices/notices-routes.ts';
import { preferencesRoutes } from './notices/preferences-routes.ts';
import { controlRoutes } from './overview/control-routes.ts';
import { overviewRoutes } from './overview/overview-routes.ts';
import { ownPagesRoutes } from './own-pages/own-pages-routes.ts';
import { peopleRoutes } from './people/people-routes.ts';
import { historyRoutes } from './records/history-routes.ts';
import { lockRoutes } from './records/locks-routes.ts';
import { recordRoutes } from './records/records-routes.ts';
import { taskChangesRoutes } from './records/task-changes-routes.ts';
import { taskChunkRoutes } from './records/task-chunk-routes.ts';
import type { RouteOptions } from './route-options.ts';
import { schedulesRoutes } from './schedules/schedules-routes.ts';
import { firstAdminRoutes } from './sign-in/first-admin-routes.ts';
import { signInRoutes } from './sign-in/sign-in-routes.ts';
import { followUpRoutes } from './tasks/follow-ups-routes.ts';
import { launchRoutes } from './tasks/launch-routes.ts';
import { matchingRoutes } from './tasks/matching-routes.ts';
import { taskRoutes } from './tasks/tasks-routes.ts';

/** For people who sign in here. */
export const ownSignIn: readonly FastifyPluginAsync<RouteOptions>[] = [
  signInRoutes,
  firstAdminRoutes,
  peopleRoutes,
];

/** A file a noun. */
export const routes: readonly FastifyPluginAsync<RouteOptions>[] = [
  homeRoutes,
  ownPagesRoutes,
  activityRoutes,
  taskRoutes,
  overviewRoutes,
  healthPageRoutes,
  controlRoutes,
  liveRoutes,
  launchRoutes,
  schedulesRoutes,
  noticesRoutes,
  preferencesRoutes,
  deliveriesRoutes,
  auditRoutes,
  taskChangesRoutes,
  taskChunkRoutes,
  followUpRoutes,
  matchingRoutes,
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
