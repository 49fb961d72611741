import { once } from 'node:events';
import { url as inspectorUrl } from 'node:inspector';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Database } from '../../db/database.ts';
import { ourModule } from '../../our-files.ts';
import type { TaskContext } from '../context.ts';

const file = ourModule('tasks/worker/heartbeat-thread');

/** What the thread is started with. */
export interface HeartbeatStart {
  connectionString: string;
  /** `context.db.t.worker` */
  table: string;
  everyMs: number;
  staleAfterMs: number;
  /** Numbers that both read, by `sign`. */
  signs: SharedArrayBuffer;
}

/** Places in the numbers that both threads read. */
export const sign = {
  /** Counts on as long as the main loop moves. */
  moves: 0,
  /** 1: somebody debugs this process, which may stand still for as long as they like. */
  isInspected: 1,
  /** 1: the thread is in a statement that waits for the end of another worker. */
  isWaiting: 2,
} as const;

/** What the thread is told. */
export type HeartbeatOrder =
  | { kind: 'begin'; id: string; isWatching: boolean }
  | { kind: 'leave'; id: string }
  | { kind: 'end' };
/** What it says. */
export type HeartbeatNews =
  | { kind: 'session'; pid: number }
  /** The worker's row is gone: it has been taken for dead. */
  | { kind: 'gone'; id: string }
  /** Nothing has reached the server for as long as others wait. */
  | { kind: 'cut-off' }
  /** The worker that is waited for has ended. */
  | { kind: 'death' };

export interface Beating {
  id: string;
  /** Past a pooler. */
  connectionString: string;
  /** Others have taken its tasks, or do by now. */
  onLost(): void;
  /** Does the server answer it, when it does not answer the thread? */
  isReached(): Promise<boolean>;
  /** Another worker has ended; left out: it waits for none. */
  onDeath?(): void;
}

/** How often a worker gives a sign of life, in the time after which it is taken to hang. */
const beatsInTime = 5;
/** Longest that its main loop is not looked at. */
const maxMoveMs = 500;
const restartMs = 1_000;

export function heartbeatEveryMs({ staleAfterMs }: Pick<TaskContext['settings'], 'staleAfterMs'>) {
  return Math.round(staleAfterMs / beatsInTime);
}

/** Is this process looked into, so that it stands still for as long as somebody likes? */
export function isInspected(): boolean {
  return inspectorUrl() !== undefined;
}

/**
 * Says again and again that a worker of this process is there, by its row. A thread does it, with a
 * connection of its own: a main loop that is busy is one thing, a process that is frozen or cut off
 * another. One thread for all workers of a process; it keeps nobody alive.
 */
export function startHeartbeat(context: TaskContext, beating: Beating): { stop(): void } {
  const heart = heartOf(context, beating.connectionString);
  heart.begin(beating);
  return { stop: () => heart.leave(beating.id) };
}

interface Heart {
  begin(beating: Beating): void;
  leave(id: string): void;
}

const hearts = new WeakMap<Database, Map<string, Heart>>();

function heartOf(context: TaskContext, connectionString: string): Heart {
  const known = hearts.get(context.db) ?? new Map<string, Heart>();
  hearts.set(context.db, known);
  const heart = known.get(connectionString) ?? openHeart(context, connectionString);
  known.set(connectionString, heart);
  return heart;
}

function openHeart({ db, settings, log }: TaskContext, connectionString: string): Heart {
  const everyMs = heartbeatEveryMs(settings);
  const signs = new Int32Array(new SharedArrayBuffer(4 * Object.keys(sign).length));
  const all = new Map<string, Beating>();
  let pid: number | null = null;
  let isClosed = false;
  let thread = startThread();
  const moving = setInterval(move, Math.min(maxMoveMs, everyMs / 2)).unref();
  move();
  db.beforeClose(close);
  return {
    begin(beating) {
      all.set(beating.id, beating);
      order(beginning(beating));
    },
    leave(id) {
      all.delete(id);
      order({ kind: 'leave', id });
    },
  };

  function move(): void {
    Atomics.add(signs, sign.moves, 1);
    Atomics.store(signs, sign.isInspected, isInspected() ? 1 : 0);
  }

  function order(said: HeartbeatOrder): void {
    thread.postMessage(said);
  }

  function startThread(): Worker {
    const workerData: HeartbeatStart = {
      ...{ connectionString, everyMs, table: db.t.worker },
      ...{ staleAfterMs: settings.staleAfterMs, signs: signs.buffer },
    };
    const started = new Worker(file, { workerData });
    started.on('message', hear);
    started.on('error', (error) => log('error', 'the heartbeat failed', { error }));
    started.on('exit', () => {
      if (!isClosed) setTimeout(restart, restartMs).unref();
    });
    started.unref();
    return started;
  }

  function restart(): void {
    if (isClosed) return;
    thread = startThread();
    for (const beating of all.values()) order(beginning(beating));
  }

  function hear(news: HeartbeatNews): void {
    if (news.kind === 'session') pid = news.pid;
    else if (news.kind === 'gone') all.get(news.id)?.onLost();
    else if (news.kind === 'cut-off') for (const one of all.values()) void endUnreached(one);
    else for (const one of all.values()) one.onDeath?.();
  }

  async function endUnreached({ isReached, onLost }: Beating): Promise<void> {
    if (!(await isReached())) onLost();
  }

  /** What it waits for in the server is given up: a session that is left behind would outlive it. */
  async function close(): Promise<void> {
    isClosed = true;
    clearInterval(moving);
    let isOver = false;
    const over = once(thread, 'exit').then(() => {
      isOver = true;
    });
    order({ kind: 'end' });
    for (let tries = 0; !isOver && tries < closeTries; tries++) {
      if (Atomics.load(signs, sign.isWaiting) === 1 && pid !== null)
        await db.background.query('select pg_cancel_backend($1)', [pid]).catch(() => undefined);
      await Promise.race([over, wait(closeEveryMs)]);
    }
    if (!isOver) await thread.terminate();
  }
}

const closeTries = 40;
const closeEveryMs = 50;

function beginning({ id, onDeath }: Beating): HeartbeatOrder {
  return { kind: 'begin', id, isWatching: onDeath !== undefined };
}
