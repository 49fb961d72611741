import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { Resource } from '../../resources/contract.ts';
import { filterTitles, shownTitles } from '../../selection/filter-titles.ts';
import { type ListPage, listRecords } from '../../selection/list.ts';
import { buttonsAt } from '../../tasks/launching/launch-buttons.ts';
import { type Holder, listHolders } from '../../tasks/looking/holders.ts';
import { listRunning } from '../../tasks/looking/queries.ts';
import {
  type ListState,
  listPath,
  looseListState,
  parseListState,
  type Query,
} from '../list-address.ts';
import { isHtmx, principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { runningData } from '../tasks/progress.ts';
import { named, titlesOfTasks } from '../tasks/task-title.ts';
import { type ListParts, listData, listPageData, recordsData } from './list.ts';
import { readableFilter } from './list-filters.ts';
import { findLiveSelection, noSelection } from './selection-bar.ts';

const noRecords: ListPage = {
  records: [],
  total: { value: 0, isExact: true },
  number: null,
  hasPrevious: false,
  hasNext: false,
  first: null,
  last: null,
};

/** A search that is typed letter by letter is one step back, not one a letter. */
function isSearchingOn({ headers }: FastifyRequest, { filter }: ListState): boolean {
  const current = headers['hx-current-url'];
  if (typeof current !== 'string' || !URL.canParse(current)) return false;
  const searched = (text: string) => new URLSearchParams(text).get('_q') ?? '';
  const [before, now] = [searched(new URL(current).search), searched(filter)];
  return before !== '' && now !== '' && before !== now;
}

type ForResource = { Params: { resource: string }; Querystring: Query };

export const listRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  app.get<ForResource>('/:resource', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    const parts = await partsOf(request, resource, principal);
    reply.code(parts.error?.status ?? 200);
    const target = isHtmx(request) ? request.headers['hx-target'] : null;
    // A form sends its empty fields too: the address bar gets the short form.
    if (request.headers['hx-trigger'] === 'list-filter') {
      reply.header(
        isSearchingOn(request, parts.state) ? 'HX-Replace-Url' : 'HX-Push-Url',
        url(listPath(resource, parts.state)),
      );
    }
    if (target === 'records') return reply.page('list/_records', recordsData(parts));
    if (target === 'list') return reply.page('list/_list', listData(parts));
    const tasks = await named(context, principal, await listRunning(db, principal, resource.slug));
    return reply.page(
      'list/index',
      listPageData(
        parts,
        runningData(tasks, resource.slug, { now: new Date(), url, reader: resource.reader }),
        buttonsAt(context, principal, 'list', resource),
      ),
    );
  });

  async function partsOf(
    request: FastifyRequest<ForResource>,
    resource: Resource,
    principal: Principal,
  ): Promise<ListParts> {
    const base = { registry, resource, principal, url };
    try {
      const state = parseListState(resource, request.query);
      const reads = await request.reads(resource.model.name);
      const page = await listRecords(reads.registry, resource, principal, state);
      const keys = page.records.map(({ key }) => key);
      const shown = shownTitles(resource, page.records);
      const [titleOf, holders, live] = await Promise.all([
        filterTitles(reads.registry, resource, principal, readableFilter(state.filter), shown),
        resource.locksOffReason === null
          ? listHolders(db, resource.model.name, keys)
          : new Map<string, Holder>(),
        findLiveSelection({ db, registry }, resource, principal, state, page.total),
      ]);
      const taskTitles = await titlesOfTasks(
        context,
        principal,
        [...holders.values()].map(({ taskId }) => taskId),
      );
      const { asOf } = reads;
      return { ...base, state, page, asOf, titleOf, holders, taskTitles, live, error: null };
    } catch (error) {
      if (!(error instanceof AppError) || error.status !== 422) throw error;
      const state = looseListState(resource, request.query);
      return {
        ...base,
        state,
        page: noRecords,
        asOf: null,
        titleOf: () => undefined,
        holders: new Map(),
        taskTitles: new Map(),
        live: noSelection,
        error,
      };
    }
  }
};
