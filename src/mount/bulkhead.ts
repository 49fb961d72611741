import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { carefulLog } from '../log/careful-log.ts';
import type { Mounts } from '../mounts.ts';
import type { TaskContext } from '../tasks/context.ts';
import { givenBody } from './given-body.ts';
import { handler } from './handler.ts';
import { type Mounted, mountAdmin } from './mounted.ts';
import { checkMount, invalid, type MountOptions } from './options.ts';

/** The plugin for Fastify, with what makes a handler for everything else. */
export interface Bulkhead extends FastifyPluginAsync<MountOptions<FastifyRequest>> {
  handler: typeof handler;
}

/** By the mounts of an app, in its scope. */
const mountedIn = new WeakMap<Mounts, Map<string, Mounted>>();

/** Prefixes of a whole app, whichever scope they were registered in. */
const taken = new WeakMap<object, Set<string>>();

/** Left of the time that an app gives its plugins, for what comes after us. */
const leftMs = 2_000;

async function mount(app: FastifyInstance, options: MountOptions<FastifyRequest>): Promise<void> {
  const {
    prefix: own,
    logLevel: _,
    logSerializers: __,
    ...rest
  } = options as typeof options & {
    logLevel?: unknown;
    logSerializers?: unknown;
  };
  const prefix = typeof own === 'string' ? `${app.prefix}${own}`.replace(/\/$/, '') : own;
  checkMount(rest, prefix);
  if (app.server.listening) throw invalid('register it before the app listens.', prefix);
  const ofApp = taken.get(app.server) ?? new Set();
  taken.set(app.server, ofApp.add(take(ofApp, prefix)));

  if (!app.hasDecorator('bulkhead')) app.decorate('bulkhead', makeMounts());
  const mounted = mountAdmin({ ...options, prefix }, prefix, logTo(app));
  mountedIn.get(app.bulkhead)?.set(prefix, mounted);
  app.addHook('onClose', async () => {
    ofApp.delete(prefix);
    await mounted.close();
  });

  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    // What the app has said of itself so far, as to other sites or of a limit, is said all the same.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    mounted.answer(request.raw, reply.raw, addressOf(request.raw.url ?? '/', prefix), {
      id: String(request.id),
      ip: request.ip,
      protocol: request.protocol,
      host: request.host,
      principal: () => options.getUser?.(request),
      body: givenBody(request.raw, request as { rawBody?: unknown }),
    });
  };
  app.register(
    async (child) => {
      child.removeAllContentTypeParsers();
      child.addContentTypeParser('*', (_request, _payload, done) => done(null));
      // What the app could not make out of it, ours says; what it refuses stays refused.
      child.setErrorHandler((error: { code?: string }, request, reply) => {
        if (!error.code?.startsWith('FST_ERR_CTP_')) throw error;
        answer(request, reply);
      });
      for (const url of ['/', '/*'])
        child.route({
          method: child.supportedMethods,
          url,
          // For those who write down an app's routes.
          schema: { hide: true } as object,
          handler: async (request, reply) => answer(request, reply),
        });
    },
    { prefix: own },
  );

  // An app that gives its plugins no more time goes on without the pages, which come up after it.
  const { pluginTimeout = 10_000 } = app.initialConfig;
  const ready = mounted.ready();
  if (pluginTimeout === 0) return ready;
  const given = new AbortController();
  const late = wait(Math.max(pluginTimeout - leftMs, pluginTimeout / 2), null, given);
  await Promise.race([ready, late.catch(() => undefined)]).finally(() => given.abort());
  ready.catch(() => undefined);
}

function take(ofApp: ReadonlySet<string>, prefix: string): string {
  if (ofApp.has(prefix)) throw invalid('an admin is mounted there already.', prefix);
  return prefix;
}

function makeMounts(): Mounts {
  const all = new Map<string, Mounted>();
  const known = () => [...all.keys()].join(', ');
  const mounts: Mounts = {
    get tasks() {
      const [only, ...others] = all.values();
      if (only && others.length === 0) return only.tasks;
      throw new Error(
        `app.bulkhead.tasks is that of one mount, and there are ${known()}: app.bulkhead.at('${[...all.keys()][0]}').tasks says which.`,
      );
    },
    at(prefix) {
      const one = all.get(prefix.replace(/\/$/, ''));
      if (one) return one;
      throw new Error(`No admin is mounted at ${prefix}: ${known()} are.`);
    },
  };
  mountedIn.set(mounts, all);
  return mounts;
}

/** As ours knows it: an app may take other spellings of the prefix. */
function addressOf(url: string, prefix: string): string {
  const isSpeltElse = url.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
  return isSpeltElse ? `${prefix}${url.slice(prefix.length)}` : url;
}

function logTo({ log }: FastifyInstance): TaskContext['log'] {
  return carefulLog((level, message, details = {}) =>
    log[level === 'warning' ? 'warn' : level](details, message),
  );
}

/**
 * An admin within an app of yours. In Fastify 5 it is a plugin, for whose getUser the request is the
 * app's own; `bulkhead.handler` makes a handler for Express and `node:http`. `app.bulkhead.tasks`
 * launches and follows tasks.
 *
 * @throws AppError 'invalid-mount', 'not-started', where the app registers it: one sentence
 *
 * @example
 * await app.register(bulkhead, {
 *   prefix: '/admin',
 *   admin,
 *   getUser: (request) => people.getUser(request),
 *   refreshUser: (id) => people.refreshUser(id),
 *   worker: true,
 * });
 * const { tasks } = app.bulkhead;
 */
export const bulkhead: Bulkhead = Object.assign(
  plugin(mount, { name: 'bulkhead', fastify: '5.x' }) as FastifyPluginAsync<
    MountOptions<FastifyRequest>
  >,
  { handler },
);
