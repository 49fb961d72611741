import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { AdminDefinition } from './admin-definition.ts';
import { buildContext } from './build-context.ts';
import { configFor } from './config-for.ts';
import { taskManagerOf } from './create-task-manager.ts';
import { transaction } from './db/transaction.ts';
import { AppError } from './errors.ts';
import { type BackendAbilities, inlineName } from './queue/backend.ts';
import { defineTask } from './task-definitions/define-task.ts';
import type { TaskInfo } from './task-info.ts';
import { type TaskManager, TaskNotSucceeded } from './task-manager.ts';
import type { TaskContext } from './tasks/context.ts';
import type { CodeLaunch } from './tasks/launching/launch-from-code.ts';
import { startRecovery, startWorker, type WorkerOptions } from './tasks/worker/worker.ts';

/** Which backend is tried, and where. */
export interface BackendSuiteOptions {
  /** Has the backend among its `backends`, if it is one of your own. */
  readonly admin: AdminDefinition;
  /** Its name. */
  readonly backend: string;
  /** Of a database of the test's own that has Bulkhead's tables, and that no worker is at. */
  readonly databaseUrl: string;
  /** A bulk operation on records that are there, at least one. Default: none is tried. */
  readonly bulk?: Omit<CodeLaunch, 'inline' | 'operationId' | 'principal'>;
}

/** One thing that a backend must do, or refuse in a sentence where it says that it cannot. */
export interface BackendPart {
  readonly name: string;
  /** Throws an AssertionError, or what went wrong. Parts of one database run one after the other. */
  run(): Promise<void>;
}

interface Site {
  readonly context: TaskContext;
  readonly tasks: TaskManager;
  readonly can: BackendAbilities;
  start(options?: Partial<WorkerOptions>): Promise<() => Promise<void>>;
}

type Part = (site: Site, options: BackendSuiteOptions) => Promise<void>;

/** Longer than anything takes on a busy machine. */
const timeoutMs = 60_000;
const many = 25;

const adding = defineTask({
  name: 'backend-suite.adding',
  params: z.object({ n: z.number() }),
  run: ({ n }) => n + 1,
});
const failing = defineTask({
  name: 'backend-suite.failing',
  params: z.object({}),
  attempts: 1,
  run() {
    throw new Error('it fails');
  },
});
const secondTime = defineTask({
  name: 'backend-suite.second-time',
  params: z.object({}),
  attempts: 2,
  backoff: { firstMs: 10 },
  run(_, { attempt }) {
    if (attempt === 1) throw new Error('the first time fails');
    return attempt;
  },
});
const sleeping = defineTask({
  name: 'backend-suite.sleeping',
  params: z.object({}),
  attempts: 1,
  async run(_, task) {
    await task.sleep('a while', 1_200);
    return 'woken';
  },
});
const lasting = defineTask({
  name: 'backend-suite.lasting',
  params: z.object({ firstOnly: z.boolean() }),
  attempts: 3,
  backoff: { firstMs: 10 },
  async run({ firstOnly }, task) {
    const call = randomUUID();
    const first = await task.step('begun', () => call);
    if (!firstOnly || first === call) await wait(timeoutMs, null, { signal: task.signal });
    return task.attempt;
  },
});
const suiteTasks = [adding, failing, secondTime, sleeping, lasting];

const parts: readonly { name: string; isFor?: (name: string) => boolean; run: Part }[] = [
  {
    name: 'what is launched now runs now, and gives what it returns',
    async run({ tasks, start }) {
      const stop = await start();
      const task = await tasks.launch(adding, { n: 41 });
      assert.equal(await tasks.wait(task, { timeoutMs }), 42);
      await stop();
    },
  },
  {
    name: 'of many that are launched together each runs once',
    async run({ context, tasks, start }) {
      const stop = await start();
      const given = Array.from({ length: many }, (_, n) => ({ n }));
      const launched = await tasks.launchMany(adding, given);
      const results = await Promise.all(launched.map((task) => tasks.wait(task, { timeoutMs })));
      assert.deepEqual(
        results,
        given.map(({ n }) => n + 1),
      );
      assert.deepEqual(await starts(context, launched), [many, many]);
      await stop();
    },
  },
  {
    name: 'what fails has failed, and says why',
    async run({ tasks, start }) {
      const stop = await start();
      const { id } = await tasks.launch(failing, {});
      const { state, message } = await ended(tasks, id);
      assert.deepEqual([state, message], ['failed', 'it fails']);
      await stop();
    },
  },
  {
    name: 'what is launched in a transaction runs when that commits, and not where it is rolled back',
    async run({ context, tasks, start }, { backend }) {
      const stop = await start();
      const { background } = context.db;
      const left: number[] = [];
      const rolledBack = transaction(background, async (sql) => {
        left.push((await tasks.launch(adding, { n: 1 }, { tx: sql })).id);
        throw new Error('rolled back');
      });
      if (backend === inlineName) await assert.rejects(rolledBack, { code: 'not-later' });
      else {
        await assert.rejects(rolledBack, { message: 'rolled back' });
        const task = await transaction(background, (sql) =>
          tasks.launch(adding, { n: 2 }, { tx: sql }),
        );
        assert.equal(await tasks.wait(task, { timeoutMs }), 3);
        await assert.rejects(tasks.get(left[0] as number), { code: 'not-found' });
      }
      await stop();
    },
  },
  {
    name: 'what is to begin later does, and not before; or is refused in a sentence',
    async run({ tasks, can, start }, { backend }) {
      const stop = await start();
      const launched = tasks.launch(adding, { n: 1 }, { delayMs: 300 });
      if (can.later) {
        const { id } = await launched;
        const { state, startedAt, createdAt } = await ended(tasks, id);
        assert.equal(state, 'succeeded');
        assert.ok(Number(startedAt) - Number(createdAt) >= 300);
      } else await assert.rejects(launched, refusal('not-later', backend));
      await stop();
    },
  },
  {
    name: 'what failed is tried again, and what sleeps goes on; or has failed, and says that it cannot',
    async run({ tasks, can, start }, { backend }) {
      const stop = await start();
      const again = await ended(tasks, (await tasks.launch(secondTime, {})).id);
      assert.deepEqual(
        [again.state, again.result],
        can.later ? ['succeeded', 2] : ['failed', null],
      );
      const slept = await ended(tasks, (await tasks.launch(sleeping, {})).id);
      if (can.later) assert.deepEqual([slept.state, slept.result], ['succeeded', 'woken']);
      else {
        assert.deepEqual([slept.state, slept.reason], ['failed', 'not-later']);
        assert.match(slept.message ?? '', new RegExp(backend));
      }
      await stop();
    },
  },
  {
    name: 'what runs is stopped where somebody cancels it, or goes on and says that it cannot be',
    async run(site, { backend }) {
      const { tasks, can } = site;
      const stop = await site.start();
      const { id, launched } = await launchLasting(site, false);
      if (can.cancel) {
        await tasks.cancel(id);
        assert.equal((await ended(tasks, id)).state, 'cancelled');
      } else {
        await assert.rejects(tasks.cancel(id), refusal('not-cancellable', backend));
        assert.equal((await tasks.get(id)).state, 'running');
      }
      await Promise.all([launched, stop()]);
    },
  },
  {
    name: 'what nobody was there to run is run when somebody comes',
    isFor: (backend) => backend !== inlineName,
    async run({ tasks, start }) {
      const { id } = await tasks.launch(adding, { n: 1 });
      await wait(100);
      assert.equal((await tasks.get(id)).state, 'queued');
      const stop = await start();
      assert.equal((await ended(tasks, id)).state, 'succeeded');
      await stop();
    },
  },
  {
    name: 'what a process was at that has died is taken up by another, or has failed and says so',
    async run(site) {
      const { context, tasks, can } = site;
      const { t, background } = context.db;
      const stop = await site.start();
      const { id, launched } = await launchLasting(site, true);
      await background.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name in (select worker_id::text from ${t.task_slot} where task_id = $1)`,
        [id],
      );
      // Processes that serve pages look for dead ones too.
      const recovery = startRecovery(context);
      const { state, message } = await ended(tasks, id);
      await recovery.stop();
      assert.equal(state, can.restart ? 'succeeded' : 'failed');
      assert.equal(message === null, can.restart, 'its page says what became of it');
      await launched.catch(() => undefined);
      await stop();
    },
  },
  {
    name: 'two processes share tasks, and each runs once; or the second refuses to run',
    isFor: (backend) => backend !== inlineName,
    async run({ context, tasks, can, start }, { backend }) {
      const stop = await start();
      const second = start({ predecessorMs: 300 });
      if (!can.processes) {
        await assert.rejects(second, refusal('second-process', backend));
        return stop();
      }
      const stopSecond = await second;
      const given = Array.from({ length: many }, (_, n) => ({ n }));
      const launched = await tasks.launchMany(adding, given);
      await Promise.all(launched.map((task) => tasks.wait(task, { timeoutMs })));
      assert.deepEqual(await starts(context, launched), [many, many]);
      await Promise.all([stop(), stopSecond()]);
    },
  },
  {
    name: 'a bulk operation changes its records and is taken back',
    async run({ tasks, start }, { backend, bulk }) {
      if (!bulk) return;
      const stop = await start();
      const { id } = await tasks.launchOn({ ...bulk, inline: backend === inlineName });
      const done = await ended(tasks, id);
      assert.equal(done.state, 'succeeded', done.message ?? '');
      assert.ok(done.done > 0, 'it is about no record');
      const back = await ended(tasks, (await tasks.undo(id)).id);
      assert.deepEqual([back.state, back.done], ['succeeded', done.done], back.message ?? '');
      await stop();
    },
  },
];

/**
 * What every backend must do, for tests of one of your own: `queue`, `in-process` and `inline` pass
 * it too. Free places do not look by themselves meanwhile: what runs was called for.
 *
 * @returns its parts, for whichever test runner you have
 *
 * @example
 * import { test } from 'node:test';
 * for (const { name, run } of backendSuite({ admin, backend: 'fax-machine', databaseUrl }))
 *   test(name, run);
 */
export function backendSuite(options: BackendSuiteOptions): BackendPart[] {
  return parts
    .filter(({ isFor }) => isFor?.(options.backend) ?? true)
    .map(({ name, run }) => ({ name, run: () => atSite(options, run) }));
}

async function atSite(options: BackendSuiteOptions, part: Part): Promise<void> {
  const { admin, backend, databaseUrl } = options;
  const config = configFor(databaseUrl, { ...process.env, BULKHEAD_BACKGROUND: undefined });
  const suited: AdminDefinition = {
    ...admin,
    tasks: suiteTasks,
    schedules: [],
    taskHooks: [],
    settings: { ...admin.settings, backend, recoveryIntervalMs: 50 },
  };
  const { db, context } = await buildContext(databaseUrl, config, suited, () => undefined);
  const running = new Set<() => Promise<void>>();
  try {
    const can = context.backends.can(backend);
    assert.ok(can, `there is no backend ${backend}`);
    await part(
      {
        context,
        tasks: taskManagerOf(suited, context),
        can,
        async start(given = {}) {
          const worker = await startWorker(context, {
            connectionString: databaseUrl,
            concurrency: 2,
            places: 4,
            backends: [backend],
            lookEveryMs: 3_600_000,
            ...given,
          });
          const stop = async () => {
            running.delete(stop);
            await worker.stop();
          };
          running.add(stop);
          return stop;
        },
      },
      options,
    );
  } finally {
    for (const stop of running) await stop();
    await db.close();
  }
}

/** Resolves when it runs; `launched`: when the launch has answered. */
async function launchLasting(
  { context: { db }, tasks }: Site,
  firstOnly: boolean,
): Promise<{ id: number; launched: Promise<unknown> }> {
  const { rows } = await db.background.query<{ id: number }>(
    `select coalesce(max(id), 0) as id from ${db.t.task}`,
  );
  const launched = tasks.launch(lasting, { firstOnly });
  launched.catch(() => undefined);
  for (const end = Date.now() + timeoutMs; Date.now() < end; await wait(20)) {
    const begun = await db.background.query<{ id: number }>(
      `select id from ${db.t.task} task where id > $1 and exists (select from ${db.t.task_step} where line_id = task.id)`,
      [rows[0]?.id],
    );
    if (begun.rows[0]) return { id: begun.rows[0].id, launched };
  }
  throw new Error('it has not begun');
}

async function ended(tasks: TaskManager, id: number): Promise<TaskInfo> {
  await tasks.wait({ id }, { timeoutMs }).catch((error) => {
    if (!(error instanceof TaskNotSucceeded)) throw error;
  });
  return tasks.get(id);
}

/** How many of them have run, and how often in all. */
async function starts(
  { db }: TaskContext,
  launched: readonly { id: number }[],
): Promise<[number, number]> {
  const { rows } = await db.background.query<{ tasks: number; runs: number }>(
    `select count(distinct task_id)::int as tasks, count(*)::int as runs from ${db.t.task_event} where state = 'running' and task_id = any($1)`,
    [launched.map(({ id }) => id)],
  );
  return [rows[0]?.tasks ?? 0, rows[0]?.runs ?? 0];
}

/** A refusal that names the backend. */
function refusal(code: string, backend: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof AppError && error.code === code && error.message.includes(backend);
}
