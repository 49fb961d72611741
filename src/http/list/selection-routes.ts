import type { FastifyPluginAsync } from 'fastify';
import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { ownProperty } from '../../own-property.ts';
import type { Resource } from '../../resources/contract.ts';
import { type Count, countRecords } from '../../selection/count.ts';
import {
  changeTicks,
  clearSelection,
  createSelection,
  findSelection,
  type Selection,
  selectMatching,
} from '../../selection/selection.ts';
import { canSelect } from '../controls/can-select.ts';
import { listPath, parseListState, queryOf } from '../list-address.ts';
import { isHtmx, principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { countSelected, hasEnded, noSelection, selectionBarData } from './selection-bar.ts';

type Posted = { Params: { resource: string }; Body: Record<string, unknown> | undefined };

interface TickChange {
  add: string[];
  remove: string[];
}

/**
 * What is to be ticked and unticked: always said outright, so that saying it twice is saying it
 * once.
 */
const readers: Record<string, (keys: string[], shown: string[]) => TickChange> = {
  add: (keys) => ({ add: keys, remove: [] }),
  remove: (keys) => ({ add: [], remove: keys }),
  page: (keys, shown) => ({ add: keys, remove: shown.filter((key) => !keys.includes(key)) }),
};

export const selectionRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { db, registry } = context;

  app.post<Posted>('/:resource/selection', async (request, reply) => {
    const principal = principalOf(request);
    const resource = registry.for(principal, request.params.resource);
    if (!canSelect(resource, principal))
      throw new AppError(
        'forbidden',
        403,
        `You may not change ${resource.label.toLowerCase()} in bulk.`,
      );
    const body = request.body ?? {};
    const state = parseListState(resource, queryOf(textsOf(body._list)[0] ?? ''));
    // A wrong filter is found before anything is selected.
    const total = await countRecords(registry, resource, principal, state.filter);
    const given = await currentSelection(
      resource,
      principal,
      textsOf(body._s)[0] ?? '',
      state.filter,
    );
    const selection = await apply(resource, principal, given, state.filter, body);
    const selectionId = selection?.id ?? null;
    const path = url(listPath(resource, { ...state, selectionId }));
    if (!isHtmx(request)) return reply.redirect(path, 303);
    const live = selection
      ? { selection, count: await countOf(resource, principal, selection, total), notice: null }
      : noSelection;
    reply.header('HX-Replace-Url', path);
    return reply.page(
      'list/_selection-bar',
      selectionBarData(resource, principal, live, { total, url }),
    );
  });

  /**
   * One that is gone or has ended is begun anew, so that what is ticked now is all that is
   * selected.
   */
  async function currentSelection(
    resource: Resource,
    principal: Principal,
    id: string,
    filter: string,
  ): Promise<Selection | null> {
    const selection = id === '' ? null : await findSelection(db, principal, resource, id);
    return selection && !hasEnded(selection, filter) ? selection : null;
  }

  async function apply(
    resource: Resource,
    principal: Principal,
    given: Selection | null,
    filter: string,
    body: Record<string, unknown>,
  ): Promise<Selection | null> {
    const action = textsOf(body._do)[0] ?? '';
    if (action === 'clear') {
      if (given) await clearSelection(db, principal, resource, given.id);
      return null;
    }
    if (action === 'matching') {
      const matching = { kind: 'matching' as const, filter, keys: [], exclusions: [] };
      return given
        ? selectMatching(db, principal, resource, given.id, filter)
        : createSelection(db, principal, resource, matching);
    }
    const read = ownProperty(readers, action);
    if (!read)
      throw new AppError(
        'invalid-selection',
        422,
        'It is not known what is to be selected. Nothing was selected.',
      );
    const { add, remove } = read(textsOf(body.key), textsOf(body.shown));
    if (given) return changeTicks(db, principal, resource, given.id, { add, remove });
    return createSelection(db, principal, resource, {
      kind: 'ticked',
      filter: '',
      keys: add,
      exclusions: [],
    });
  }

  async function countOf(
    resource: Resource,
    principal: Principal,
    selection: Selection,
    total: Count,
  ): Promise<Count> {
    if (selection.kind === 'ticked') return { value: selection.keys.length, isExact: true };
    return countSelected(registry, resource, principal, selection, total);
  }
};
