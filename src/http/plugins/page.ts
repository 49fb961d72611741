import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { AdminDefinition } from '../../admin-definition.ts';
import { readerOf } from '../../fields/reader.ts';
import type { OwnPages } from '../../pages/own-pages.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { csrfToken } from '../csrf-token.ts';
import type { Flash } from '../flash.ts';
import { headerJson, isHtmx } from '../negotiate.ts';
import type { CommonData, Pages } from '../pages.ts';
import { layoutData } from '../shell/layout.ts';
import type { SiteUrl } from '../url.ts';

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Sends a template: a whole page, or the fragment of the same name where htmx asks and there is
     * one.
     */
    page<Name extends keyof Pages>(name: Name, data: Pages[Name]): FastifyReply;
    /** Tells something on this answer, or on the next whole page. */
    flash(level: Flash['level'], message: string, link?: Flash['link']): FastifyReply;
  }
}

export interface PageParts {
  admin: AdminDefinition;
  registry: ResourceRegistry;
  pages: OwnPages;
  url: SiteUrl;
}

/**
 * `reply.page(name, data)`: the one place where it is decided whether a whole page or a piece of
 * one is sent.
 */
export const page = plugin<PageParts>(
  async (app, options) => {
    app.decorateReply('page', function (this: FastifyReply, name: string, data: object) {
      const { request } = this;
      const it = withCommon(this, data);
      this.type('text/html; charset=utf-8').header(
        'vary',
        'HX-Request, HX-History-Restore-Request',
      );
      const part = partOf(name);
      const slug = slugOf(request);
      if (isPart(name)) return this.send(app.views.render(name, it, slug));
      if (isHtmx(request) && app.views.has(part))
        return this.send(app.views.render(part, it, slug));
      const body = app.views.render(name, it, slug);
      const layout = layoutData(this, {
        ...options,
        body,
        title: titleOf(data),
        scripts: scriptsOf(data),
      });
      return this.send(app.views.render('layout', layout, slug));
    });

    // What somebody may see is no proxy's to keep, be it a page, a part of one, JSON or a file to
    // download.
    app.addHook('onSend', async (_request, reply) => {
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    });

    app.decorateReply(
      'flash',
      function (this: FastifyReply, level: Flash['level'], message: string, link?: Flash['link']) {
        if (isHtmx(this.request)) addTrigger(this, 'bulkhead:toast', { level, message, link });
        else this.keepFlash({ level, message, ...(link && { link }) });
        return this;
      },
    );
  },
  { name: 'bulkhead-page', dependencies: ['bulkhead-views'] },
);

/** Of the resource whose page it is; empty: it is no resource's. */
function slugOf({ params }: FastifyRequest): string {
  const { resource } = (params ?? {}) as { resource?: unknown };
  return typeof resource === 'string' ? resource : '';
}

/** A fragment's template begins with an underscore: `tasks/_list`. */
function isPart(name: string): boolean {
  return name.includes('/_');
}

function partOf(name: string): string {
  return name.replace(/([^/]+)$/, '_$1');
}

function titleOf(data: object): string {
  const { title } = data as { title?: unknown };
  return typeof title === 'string' ? title : '';
}

/** Data may name islands that only its page needs. */
function scriptsOf(data: object): readonly string[] {
  return (data as { scripts?: readonly string[] }).scripts ?? [];
}

function withCommon(reply: FastifyReply, data: object): CommonData {
  let token: string | undefined;
  return {
    ...data,
    zone: readerOf(reply.request.principal ?? {}).timeZone,
    // Made only when a template reads it: a page without a form need not have one.
    get csrf() {
      token ??= csrfToken(reply);
      return token;
    },
  };
}

/** Adds an event to those the page is told by `HX-Trigger`. */
export function addTrigger(reply: FastifyReply, event: string, detail: unknown): void {
  const given = reply.getHeader('hx-trigger');
  const events = typeof given === 'string' && given.startsWith('{') ? JSON.parse(given) : {};
  reply.header('HX-Trigger', headerJson({ ...events, [event]: detail }));
}
