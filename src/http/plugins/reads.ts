import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { Principal } from '../../auth/principal.ts';
import { BoundedMap } from '../../bounded-map.ts';
import type { Database } from '../../db/database.ts';
import type { Standby } from '../../db/standby.ts';
import {
  endOfAll,
  laterOf,
  parsePosition,
  positionText,
  type WalPosition,
  writtenPosition,
} from '../../db/wal-position.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { listEndedLately } from '../../tasks/looking/ended-lately.ts';
import { type AsOf, asOf } from '../shell/as-of.ts';
import { isSafe } from './csrf.ts';

/** Where lists, counts and histories of a request are read: never what decides what is written. */
export interface Reads {
  readonly db: Database;
  readonly registry: ResourceRegistry;
  /** What the page says of how old that may be; null: nothing. */
  readonly asOf: AsOf | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What this request may read elsewhere than from the primary; `model`: whose records it shows. */
    reads(model: string | null): Promise<Reads>;
  }
}

export interface ReadsOptions {
  context: TaskContext;
  path: string;
  isHttps: boolean;
}

/** From whoever sends it back it is known that they keep cookies. */
const keptCookie = 'bulkhead_cookies';
/** Up to where somebody has written, as each process gave it: two that answer at once keep both. */
const writtenCookie = 'bulkhead_written_';
/** Beyond the lag with which a standby is read from: what a clock or an answer takes longer. */
const slackMs = 60_000;

/** Up to where somebody has written, and when that was asked, by the clock of the process. */
interface Written {
  position: WalPosition;
  askedMs: number;
}

/**
 * Reads go to a standby where whoever asks misses nothing there that they have saved, and no end of
 * a task that they have been shown: whatever they cannot say that they know is asked of the primary.
 */
export const reads = plugin<ReadsOptions>(
  async (app, { context, path, isHttps }) => {
    const { db, registry } = context;
    const { standbys } = db;
    const primary: Reads = { db, registry, asOf: null };
    if (standbys === null) {
      app.decorateRequest('reads', async () => primary);
      return;
    }
    standbys.watch();
    const withinMs = standbys.maxLagMs + slackMs;
    const ownCookie = `${writtenCookie}${randomBytes(3).toString('hex')}`;
    const written = new BoundedMap<string, Written>(10_000);
    const over = new Map<Standby, Omit<Reads, 'asOf'>>(
      standbys.list.map((standby) => [
        standby,
        {
          db: { ...db, pages: standby.reads },
          registry: {
            ...registry,
            pool: standby.reads,
            client: registry.clientOver(standby.reads),
          },
        },
      ]),
    );

    app.decorateRequest('reads', async function (this: FastifyRequest, model: string | null) {
      const { principal } = this;
      if (!principal || !isSafe(this) || this.cookies?.[keptCookie] === undefined) return primary;
      const standby = standbys.choose(writtenBy(this, principal));
      if (standby === null) return primary;
      const ended = await listEndedLately(context, {
        ...{ principalId: principal.id, model, withinMs },
      });
      const parts = over.get(standby);
      if (!parts || !(await standby.seesEnded(db.t, ended))) return primary;
      return { ...parts, asOf: asOf(standby.state(standbys.maxLagMs).lagMs) };
    });

    app.addHook('onSend', async (request, reply) => {
      const { principal } = request;
      if (!principal) return;
      if (!isSafe(request)) return keep(reply, principal);
      if (request.cookies?.[keptCookie] === undefined) put(reply, keptCookie, '1');
    });

    // After whatever the request has committed.
    async function keep(reply: FastifyReply, principal: Principal): Promise<void> {
      const askedMs = performance.now();
      const position = await writtenPosition(db.pages).catch(() => endOfAll);
      // Whichever answer comes first: what was asked last lies behind all that was committed before, and is known again after an
      // outage, or after a failover to less than there was.
      const known = written.get(principal.id);
      const last = known && known.askedMs > askedMs ? known : { position, askedMs };
      // What is set anew is forgotten last.
      written.delete(principal.id);
      written.set(principal.id, last);
      put(reply, ownCookie, positionText(last.position), Math.ceil(withinMs / 1_000));
    }

    function put(reply: FastifyReply, name: string, value: string, maxAge?: number): void {
      reply.setCookie(name, value, {
        ...{ path, httpOnly: true, sameSite: 'lax' },
        secure: isHttps || reply.request.protocol === 'https',
        ...(maxAge !== undefined && { maxAge }),
      });
    }

    /**
     * A cookie that is none of ours says nothing. One that says too much keeps whoever sent it at the
     * primary, which is where they would be without a standby.
     */
    function writtenBy({ cookies }: FastifyRequest, principal: Principal): WalPosition | null {
      const known = written.get(principal.id);
      // By then a standby that is read from has it.
      const isOver = known !== undefined && performance.now() - known.askedMs > withinMs;
      const own = isOver ? undefined : known?.position;
      const all = Object.entries(cookies ?? {}).flatMap(([name, value]) => {
        const position = name.startsWith(writtenCookie) ? parsePosition(value ?? '') : null;
        return position ?? [];
      });
      return [...all, ...(own ? [own] : [])].reduce<WalPosition | null>(
        (last, one) => (last ? laterOf(last, one) : one),
        null,
      );
    }
  },
  { name: 'bulkhead-reads', dependencies: ['bulkhead-cookie', 'bulkhead-guard'] },
);
