import type { FastifyPluginAsync } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { listMyChanges, type MyChange } from '../../operations/journal/my-changes.ts';
import { titlesOf } from '../../selection/list.ts';
import { listUndoable } from '../../tasks/follow-ups/undone-through.ts';
import { listMyTasks } from '../../tasks/looking/my-tasks.ts';
import { isTaskId } from '../../tasks/looking/queries.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { named } from '../tasks/task-title.ts';
import { activityData, visibleResource } from './activity.ts';

type Paged = { Querystring: { tasks?: unknown; changes?: unknown } };

/** What whoever is signed in has launched, and changed by forms. */
export const activityRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  app.get<Paged>('/tasks/activity', async (request, reply) => {
    const principal = principalOf(request);
    const at = {
      tasks: readBefore(request.query.tasks, 'tasks', (text) => isTaskId(Number(text))),
      changes: readBefore(request.query.changes, 'changes', () => true),
    };
    const before = at.tasks === null ? null : Number(at.tasks);
    const [mine, { changes, olderThan }] = await Promise.all([
      listMyTasks(context, principal, { before, size: limits.shown.tasks }),
      listMyChanges(db, principal, { before: at.changes, size: limits.shown.changes }),
    ]);
    const all = await named(context, principal, [...mine.unfinished, ...mine.ended]);
    const [undoable, titles] = await Promise.all([
      listUndoable(
        context,
        principal,
        all.filter((task) => task.kind === 'own'),
      ),
      titlesFor(principal, changes),
    ]);
    return reply.page(
      'activity/show',
      activityData({
        ...{ now: new Date(), url, registry, principal },
        tasks: { ...mine, all },
        ...{ undoable, changes, changesOlderThan: olderThan, titles },
        at: { tasks: before, changes: at.changes },
      }),
    );
  });

  /** One statement for each resource whose records were changed. */
  async function titlesFor(
    principal: Principal,
    changes: readonly MyChange[],
  ): Promise<Map<string, Map<string, string>>> {
    const slugs = [...new Set(changes.map(({ resource }) => resource))];
    const found = await Promise.all(
      slugs.map(async (slug) => {
        const resource = visibleResource(registry, principal, slug);
        const keys = changes.filter((change) => change.resource === slug).map(({ key }) => key);
        const titles = resource
          ? await titlesOf(registry, resource, principal, [...new Set(keys)])
          : new Map<string, string>();
        return [slug, titles] as const;
      }),
    );
    return new Map(found);
  }
};

function readBefore(
  given: unknown,
  field: string,
  isOne: (text: string) => boolean,
): string | null {
  const text = textsOf(given ?? '').at(-1) ?? '';
  if (text === '') return null;
  if (!/^\d{1,18}$/.test(text) || !isOne(text))
    throw new AppError('invalid-page', 422, 'There is no such page.', { field });
  return text;
}
