import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { taskManagerOf } from '../src/create-task-manager.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { type BrowserPace, createPace, type LivePiece } from '../src/testing/browser-pace.ts';
import { testContext } from '../src/testing/context.ts';
import { onServer } from './server.ts';
import { type Measured, percentile } from './table.ts';
import { walk, walkingAdmin } from './walking-admin.ts';

const taskCount = 20;

interface Used {
  cpuSeconds: number;
  statements: number;
}

interface Web {
  address: string;
  cookies: readonly string[];
  used(): Promise<Used>;
  stop(): Promise<void>;
}

/**
 * As many open dialogs as there are `rows`, each of a person with a session of their own, on 20
 * tasks that go on: polls as the browser sends them, by its own schedule, over the network, to a
 * process of pages. Errors, polls, the statements of a poll, milliseconds of an answer, and the
 * seconds of CPU that the process of the pages takes, beside what it takes for as long when nobody
 * asks.
 */
export function dialogs({ rows, seconds }: { rows: number; seconds: number }): Promise<Measured[]> {
  return onServer(1, async ({ db, connectionString }) => {
    const context = testContext(db, {}, {}, walkingAdmin);
    const web = await startWeb(connectionString, rows);
    const worker = await startWorker(context, {
      connectionString,
      concurrency: 1,
      places: taskCount,
      queues: ['default'],
    });
    const ids = await launchWalks(context);
    try {
      const idle = await during(web, seconds, async (until) => wait(until - Date.now()));
      const agent = new Agent({ keepAlive: true, maxSockets: rows });
      const opened = web.cookies.map(
        (cookie, n) =>
          new Dialog(createPace(), web.address, agent, cookie, ids[n % ids.length] as number),
      );
      const busy = await during(web, seconds, async (until) => {
        await Promise.all(opened.map((dialog) => dialog.poll(until)));
      });
      agent.destroy();
      const polls = opened.flatMap(({ ms }) => ms);
      return [
        { case: 'nobody asks', seconds, cpuSeconds: idle.cpuSeconds },
        {
          case: `${rows} dialogs on ${taskCount} tasks`,
          seconds,
          cpuSeconds: busy.cpuSeconds,
          errors: opened.reduce((sum, { errors }) => sum + errors, 0),
          polls: polls.length,
          moved: opened.reduce((sum, { moved }) => sum + moved, 0),
          statementsPerPoll: (busy.statements - idle.statements) / polls.length,
          p50Ms: percentile(polls, 0.5),
          p95Ms: percentile(polls, 0.95),
          cpuMsPerPoll: ((busy.cpuSeconds - idle.cpuSeconds) * 1000) / polls.length,
        },
      ];
    } finally {
      await worker.stop();
      await web.stop();
    }
  });
}

/** A page whose dialog shows a task, and whose bell looks besides. */
class Dialog {
  readonly ms: number[] = [];
  errors = 0;
  moved = 0;
  readonly #shown = new Map<string, string>();
  readonly #pieces: LivePiece[];
  readonly #pace: BrowserPace;
  readonly #address: string;
  readonly #agent: Agent;
  readonly #cookie: string;

  constructor(pace: BrowserPace, address: string, agent: Agent, cookie: string, taskId: number) {
    this.#pace = pace;
    this.#address = address;
    this.#agent = agent;
    this.#cookie = cookie;
    this.#pieces = [
      { id: `task-${taskId}-progress`, live: `bar=${taskId}.launched.`, everyMs: 1_000 },
      { id: 'bell', live: 'bell=0', everyMs: 5_000 },
    ];
  }

  async poll(until: number): Promise<void> {
    // They were opened within a few seconds of each other.
    await wait(Math.random() * 3_000);
    for (;;) {
      const at = this.#pace.nextAt(this.#pieces, false);
      if (at > until) return;
      await wait(Math.max(0, at - Date.now()));
      const { wanted, query } = this.#pace.wanted(this.#pieces, false);
      if (wanted.length === 0) continue;
      const start = performance.now();
      const answer = await this.#ask(query).catch(() => null);
      this.ms.push(performance.now() - start);
      if (answer?.status === 200) this.#show(answer.text, wanted);
      else {
        this.errors++;
        this.#pace.lost(null);
      }
    }
  }

  #show(html: string, wanted: readonly LivePiece[]): void {
    this.#pace.answered();
    for (const piece of wanted) {
      const found = new RegExp(`<(section|a) id="${piece.id}"[\\s\\S]*?</\\1>`).exec(html)?.[0];
      const live = / data-live="([^"]+)"/.exec(found ?? '')?.[1];
      if (!found || !live) {
        this.errors++;
        continue;
      }
      piece.live = live;
      const text = found.replace(/<(?!progress)[^>]*>/g, ' ');
      const hasMoved = this.#shown.get(piece.id) !== text;
      if (hasMoved && piece.id !== 'bell') this.moved++;
      this.#shown.set(piece.id, text);
      this.#pace.asked(piece, hasMoved);
    }
  }

  #ask(query: string): Promise<{ status: number; text: string }> {
    const headers = { cookie: this.#cookie, 'hx-request': 'true', 'accept-encoding': 'identity' };
    return new Promise((resolve, reject) => {
      get(`${this.#address}/tasks/live?${query}`, { agent: this.#agent, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (more) => {
          text += more;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', reject);
      }).on('error', reject);
    });
  }
}

async function startWeb(connectionString: string, people: number): Promise<Web> {
  const child = fork(join(import.meta.dirname, 'dialogs-web.ts'), [
    connectionString,
    String(people),
  ]);
  const { address, cookies } = await heard<Pick<Web, 'address' | 'cookies'>>(child);
  return {
    address,
    cookies,
    used() {
      child.send('used');
      return heard<Used>(child);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

async function heard<T>(child: ChildProcess): Promise<T> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the process of the pages ended with ${code}`);
  });
  const [message] = await Promise.race([once(child, 'message'), failed]);
  return message as T;
}

async function launchWalks(context: TaskContext): Promise<number[]> {
  const tasks = taskManagerOf(walkingAdmin, context);
  const ids: number[] = [];
  for (let n = 1; n <= taskCount; n++) ids.push((await tasks.launch(walk, { n })).id);
  const { pages, t } = context.db;
  const running = `select count(*)::int as count from ${t.task} where state = 'running' and done > 0`;
  while ((await pages.query<{ count: number }>(running)).rows[0]?.count !== taskCount)
    await wait(100);
  return ids;
}

async function during(
  web: Web,
  seconds: number,
  work: (until: number) => Promise<unknown>,
): Promise<Used> {
  const before = await web.used();
  await work(Date.now() + seconds * 1000);
  const after = await web.used();
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    statements: after.statements - before.statements,
  };
}
