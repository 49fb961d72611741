import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { viewFolderOf } from '../../check-extensions.ts';
import { AppError, notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import type {
  PageAnswer,
  PageContext,
  PageDefinition,
  SubmitContext,
} from '../../pages/define-page.ts';
import { projectFile } from '../../project-files.ts';
import type { Where } from '../../resources/client.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import type { ProjectClient } from '../../resources/project-types.ts';
import { visibleWhere } from '../../selection/where.ts';
import { managersOf } from '../../task-managers.ts';
import { readViewFolder } from '../../view-folder.ts';
import { csrfToken } from '../csrf-token.ts';
import { principalOf } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { ownPagesTexts } from './own-pages-texts.ts';

export interface OwnPageData {
  title: string;
  /** Null: there is nothing to say below it. */
  lead: string | null;
  body: string;
}

/** Pages of the project's own. */
export const ownPagesRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { admin, context, pages, url },
) => {
  const managerOf = managersOf(admin, context);
  const templates = readViewFolder(viewFolderOf(admin));
  for (const page of pages.list) {
    const { path, submit } = page.options;
    app.get(path, async (request, reply) => {
      const about = contextOf(page, request);
      return show(reply, page, await loaded(page, about));
    });
    if (!submit) continue;
    app.post(path, async (request, reply) => {
      const about: SubmitContext = { ...contextOf(page, request), form: formOf(request) };
      const answer: PageAnswer = await submit(about);
      if (answer && 'again' in answer) {
        const data = { ...(await loaded(page, about)), ...answer.again };
        return show(reply.code(422), page, data);
      }
      if (answer?.message !== undefined) reply.flash(answer.level ?? 'success', answer.message);
      const to = answer?.to === undefined ? url.local(request.url) : url.local(url(answer.to));
      if (request.headers['hx-request'] === 'true') return reply.header('HX-Redirect', to).send('');
      return reply.redirect(to, 303);
    });
  }

  function contextOf(page: PageDefinition, request: FastifyRequest): PageContext {
    const principal = principalOf(request);
    if (!pages.isAllowed(page, principal)) throw notFound();
    return {
      principal,
      client: context.registry.client as unknown as ProjectClient,
      params: { ...(request.params as Record<string, string>) },
      query: new URL(request.url, 'http://site.invalid').searchParams,
      reader: readerOf(principal),
      tasks: managerOf(null, principal),
      url,
      where: (slug, own = {}) => whereOf(context.registry, principal, slug, own),
    };
  }

  function whereOf(
    registry: ResourceRegistry,
    principal: PageContext['principal'],
    slug: string,
    own: Where,
  ): Where {
    return visibleWhere(registry.for(principal, slug), principal, own);
  }

  function show(reply: FastifyReply, page: PageDefinition, data: object): FastifyReply {
    const { title, lead } = data as { title?: unknown; lead?: unknown };
    const heading = typeof title === 'string' ? title : page.options.label;
    return reply.page('own-pages/show', {
      title: heading,
      lead: typeof lead === 'string' ? lead : null,
      body: drawn(reply, page, { ...data, title: heading }),
    });
  }

  function drawn(reply: FastifyReply, { options: { path, view } }: PageDefinition, data: object) {
    const file = viewFile(view);
    const { principal } = reply.request;
    try {
      const shown = { ...data, csrf: csrfToken(reply), zone: readerOf(principal ?? {}).timeZone };
      return app.views.renderFile(file, shown);
    } catch (error) {
      reply.log.error({ err: error, view: file, page: path }, 'the template of a page failed');
      throw new AppError('view-failed', 500, ownPagesTexts.viewFailed(String(view)));
    }
  }

  function viewFile(view: string | URL): string {
    const inFolder = typeof view === 'string' ? templates.get(view) : undefined;
    return inFolder ?? projectFile(view, admin.definition) ?? '';
  }
};

/** What the template reads; that nothing is given is no mistake. */
async function loaded({ options: { path, load } }: PageDefinition, about: PageContext) {
  const data: unknown = (await load?.(about)) ?? {};
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data;
  throw new Error(`load of the page ${path} gives no object.`);
}

function formOf({ body }: FastifyRequest): URLSearchParams {
  const pairs = Object.entries((body ?? {}) as Record<string, string | string[]>).flatMap(
    ([name, value]) => [value].flat().map((one) => [name, one]),
  );
  return new URLSearchParams(pairs.filter(([name]) => name !== '_csrf'));
}

declare module '../pages.ts' {
  interface Pages {
    'own-pages/show': OwnPageData;
  }
}
