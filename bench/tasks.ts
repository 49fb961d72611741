import { setTimeout as wait } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { z } from 'zod';
import sample from '../src/admin.ts';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { parseConfig } from '../src/config.ts';
import { taskManagerOf } from '../src/create-task-manager.ts';
import type { Database } from '../src/db/database.ts';
import type { Statement } from '../src/db/sql.ts';
import { defineTask } from '../src/task-definitions/define-task.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { cookieOf, csrfOf, formBody } from '../src/testing/app.ts';
import { testContext } from '../src/testing/context.ts';
import { type Bare, startBare } from './bare-queue.ts';
import { onServer } from './server.ts';
import { type Measured, median, percentile } from './table.ts';

const password = 'a long password of the bench';
const concurrency = 4;
const starts = 300;
const cancels = 100;
const polls = 500;

/** Called with what a run was launched with: when it began, and when it was asked to stop. */
const begun = new Map<number, (at: number) => void>();
const stopped = new Map<number, (at: number) => void>();
let ran = 0;

function hasRun(n: number): void {
  ran++;
  begun.get(n)?.(performance.now());
}

const numbered = z.object({ n: z.number() });
const noop = defineTask({
  name: 'bench.noop',
  params: numbered,
  run: ({ n }) => hasRun(n),
});
const heeding = defineTask({
  name: 'bench.heeding',
  params: numbered,
  async run({ n }, task) {
    begun.get(n)?.(performance.now());
    await wait(60_000, null, { signal: task.signal }).catch((error) => {
      stopped.get(n)?.(performance.now());
      throw error;
    });
  },
});
const admin = { ...sample, schedules: [], taskHooks: [], tasks: [noop, heeding] };

/**
 * Tasks of one's own beside bare graphile-worker, in turns: milliseconds from a launch to its start,
 * and `rows` launched one by one and run, launches included. Then how long a cancel takes to reach
 * a run that heeds its signal, and polls of a task's progress beside a bare route with the same
 * statements.
 */
export function tasksBench({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(1, async (bench) => {
    const context = testContext(bench.db, {}, {}, admin);
    const worker = await startWorker(context, {
      connectionString: bench.connectionString,
      concurrency: 1,
      places: concurrency,
      queues: ['default'],
    });
    const bare = await startBare(bench.connectionString, concurrency, hasRun);
    try {
      return [
        ...(await latency(context, bare, pairs)),
        ...(await throughput(context, bare, rows, pairs)),
        await cancelling(context),
        await polling(bench.db, context, pairs),
      ];
    } finally {
      await bare.stop();
      await worker.stop();
    }
  });
}

let last = 0;

/** Milliseconds until a run begins that is launched now. */
async function untilBegun(launch: (n: number) => Promise<unknown>): Promise<number> {
  const n = ++last;
  const start = performance.now();
  const at = new Promise<number>((begin) => begun.set(n, begin));
  await launch(n);
  const ms = (await at) - start;
  begun.delete(n);
  return ms;
}

async function latency(context: TaskContext, bare: Bare, pairs: number): Promise<Measured[]> {
  const tasks = taskManagerOf(admin, context);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let at = 0; at < starts * pairs; at++) {
    // Not in step with what either looks at by itself.
    await wait(Math.random() * 20);
    ours.push(await untilBegun((n) => tasks.launch(noop, { n })));
    await wait(Math.random() * 20);
    theirs.push(await untilBegun((n) => bare.add(n)));
  }
  const figures = (ms: number[]) => ({ p50Ms: median(ms), p99Ms: percentile(ms, 0.99) });
  const allowed = 2 * percentile(theirs, 0.99) + 20;
  return [
    { case: 'launch to start', rounds: ours.length, ...figures(ours), allowedP99Ms: allowed },
    { case: 'launch to start, bare graphile-worker', rounds: theirs.length, ...figures(theirs) },
  ];
}

async function throughput(
  context: TaskContext,
  bare: Bare,
  rows: number,
  pairs: number,
): Promise<Measured[]> {
  const tasks = taskManagerOf(admin, context);
  const took = { ours: [] as Duration[], theirs: [] as Duration[] };
  for (let pair = 0; pair < pairs; pair++) {
    took.ours.push(await takes(rows, (n) => tasks.launch(noop, { n })));
    took.theirs.push(await takes(rows, bare.add));
  }
  const row = (name: string, of: Duration[]) => ({
    case: `${rows} no-ops one by one${name}`,
    rounds: pairs,
    launchSeconds: median(of.map(({ launched }) => launched)),
    seconds: median(of.map(({ all }) => all)),
    perSecond: rows / median(of.map(({ all }) => all)),
  });
  const ratios = took.ours.map(({ all }, pair) => (took.theirs[pair]?.all ?? 0) / all);
  return [
    { ...row('', took.ours), rateToBare: median(ratios) },
    row(', bare graphile-worker', took.theirs),
  ];
}

interface Duration {
  launched: number;
  all: number;
}

/** Seconds until the last was launched, and until the last has run. */
async function takes(rows: number, launch: (n: number) => Promise<unknown>): Promise<Duration> {
  ran = 0;
  const start = performance.now();
  for (let done = 0; done < rows; done++) await launch(0);
  const launched = (performance.now() - start) / 1000;
  while (ran < rows) await wait(2);
  return { launched, all: (performance.now() - start) / 1000 };
}

async function cancelling(context: TaskContext): Promise<Measured> {
  const tasks = taskManagerOf(admin, context);
  const ms: number[] = [];
  for (let at = 0; at < cancels; at++) {
    let id = 0;
    await untilBegun(async (n) => {
      id = (await tasks.launch(heeding, { n })).id;
    });
    const n = last;
    const heard = new Promise<number>((hear) => stopped.set(n, hear));
    await wait(Math.random() * 200);
    const start = performance.now();
    await tasks.cancel(id);
    await heard;
    while (!(await tasks.get(id)).isFinished) await wait(2);
    ms.push(performance.now() - start);
  }
  return {
    case: 'cancel to cancelled',
    rounds: cancels,
    p50Ms: median(ms),
    p99Ms: percentile(ms, 0.99),
    allowedP99Ms: 500,
  };
}

/** Polls of a running task, one after the other, beside a route that only asks the same of the database. */
async function polling(db: Database, context: TaskContext, pairs: number): Promise<Measured> {
  await createUser(db, { email: 'ada@example.test', name: 'Ada', password, roles: ['admin'] });
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of benches that is long enough',
    BULKHEAD_LOG_LEVEL: 'error',
    BULKHEAD_RATE_LIMIT: '1000000',
  });
  const app = await buildApp({ admin, config, context });
  const cookie = await signIn(app);
  const tasks = taskManagerOf(admin, context);
  let id = 0;
  await untilBegun(async (n) => {
    id = (await tasks.launch(heeding, { n })).id;
  });
  const request = {
    url: `/tasks/${id}/progress`,
    headers: { cookie, 'hx-request': 'true' },
  };
  for (let warm = 0; warm < 20; warm++) await app.inject(request);
  const { statements, answer } = await statementsOf(db, () => app.inject(request));
  if (answer.statusCode !== 200)
    throw new Error(`a poll was answered ${answer.statusCode}: ${answer.body.slice(0, 300)}`);
  const bareApp = Fastify();
  bareApp.get('/', async (_, reply) => {
    for (const { text, values } of statements) await db.pages.query(text, values);
    return reply.type('text/html').send(answer.body);
  });
  const rate = async (poll: () => Promise<{ statusCode: number }>) => {
    const start = performance.now();
    for (let at = 0; at < polls; at++)
      if ((await poll()).statusCode !== 200) throw new Error('a poll was not answered');
    return (polls * 1000) / (performance.now() - start);
  };
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    ours.push(await rate(() => app.inject(request)));
    theirs.push(await rate(() => bareApp.inject('/')));
  }
  await tasks.cancel(id);
  await bareApp.close();
  await app.close();
  return {
    case: 'polls of one reader, to a bare route',
    rounds: polls * pairs,
    statements: statements.length,
    perSecond: median(ours),
    barePerSecond: median(theirs),
    rateToBare: median(ours.map((one, pair) => one / (theirs[pair] as number))),
  };
}

/** What the pages' pool was asked meanwhile. */
async function statementsOf<T>(
  db: Database,
  work: () => Promise<T>,
): Promise<{ statements: Statement[]; answer: T }> {
  const statements: Statement[] = [];
  const { query } = pg.Pool.prototype;
  pg.Pool.prototype.query = function (
    this: pg.Pool,
    asked: string | Statement,
    ...rest: unknown[]
  ) {
    const given = typeof asked === 'string' ? { text: asked, values: rest[0] } : asked;
    const { text, values } = given as Statement;
    if (this === db.pages) statements.push({ text, values: Array.isArray(values) ? values : [] });
    return (query as (...sent: unknown[]) => unknown).call(this, asked, ...rest);
  } as typeof query;
  try {
    return { answer: await work(), statements };
  } finally {
    pg.Pool.prototype.query = query;
  }
}

async function signIn(app: FastifyInstance): Promise<string> {
  const form = await app.inject('/sign-in');
  const headers = {
    cookie: cookieOf(form),
    'content-type': 'application/x-www-form-urlencoded',
  };
  const { payload } = formBody({
    email: 'ada@example.test',
    password,
    _csrf: csrfOf(form.body),
  });
  return cookieOf(await app.inject({ method: 'POST', url: '/sign-in', payload, headers }));
}
