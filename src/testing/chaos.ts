import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Pool } from 'pg';
import { buildContext } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import { databaseError } from '../db/database-error.ts';
import { openPool } from '../db/pool.ts';
import { blame } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { resume } from '../tasks/control/pause.ts';
import { pauseSchedule } from '../tasks/schedules/control-schedules.ts';
import { startRecovery } from '../tasks/worker/worker.ts';
import { Acknowledged, heardVariable } from './acknowledged.ts';
import { type ChaosAction, chaosActions } from './chaos-actions.ts';
import { chaosAdmin } from './chaos-admin.ts';
import { fillChaos, findUntold } from './chaos-tables.ts';
import { ownInvariants, schedules } from './chaos-tasks.ts';
import { ada, eve, insertPrincipals } from './context.ts';
import { createDatabase, startTestServer, type TestServer } from './database.ts';
import { countDrawn, type DrawnCauses } from './drawn-causes.ts';
import { makeKeeper } from './keeper.ts';
import { startBouncer } from './pgbouncer.ts';
import { seededRandom } from './random.ts';
import { type Resumed, resumeTimes } from './resume-times.ts';
import { findBroken, invariantsAlways, invariantsAtRest } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface Chaos {
  seed: number;
  /** How long there is trouble; coming to rest takes a little longer. */
  ms: number;
  places: number;
  /** The pages go through PgBouncer in transaction mode, with a few sessions. */
  isBehindBouncer?: boolean;
  /** A worker that is silent for so long is taken for dead. Default: the product's. */
  staleAfterMs?: number;
  /**
   * The server writes commits to disk that are waited for, and others as late as it can: a crash takes
   * them back. Fails where none did. Default: a server that writes none.
   */
  isDurable?: boolean;
  say(line: string): void;
}

export interface ChaosResult {
  done: ReadonlyMap<string, number>;
  refused: ReadonlyMap<string, number>;
  troubles: ReadonlyMap<string, number>;
  /** What the database did to it besides. */
  drawn: DrawnCauses;
  broken: string[];
  /** What somebody was told, and whether crashes took anything else back. */
  acknowledged: string;
  /** How tasks went on elsewhere: after their worker was killed, and after it was frozen. */
  resumed: Record<'killed' | 'frozen', Resumed[]>;
}

/**
 * Short, so that a worker that was stopped for a moment outlives them; no task is given up for its
 * dead workers.
 */
const shortly = {
  BULKHEAD_STATEMENT_TIMEOUT_MS: '3000',
  BULKHEAD_LOCK_TIMEOUT_MS: '1000',
  BULKHEAD_MAX_DEATHS: '100',
  BULKHEAD_PARALLELISM: '2',
};
const workerCount = 3;
/** Longer than it takes until others go on with what a frozen worker was at. */
const beyondStaleMs = 5_000;
const pooledSessions = 4;
const restMs = 120_000;

/**
 * People launch, pause, cancel, retry and undo random tasks and edit single records, and schedules
 * come to their times, while workers are killed, stopped for a moment and frozen past their leases,
 * connections ended and the database crashed. Then everything comes to rest, and nothing may be
 * lost, done twice or untold.
 */
export async function chaos({
  seed,
  ms,
  places,
  isBehindBouncer = false,
  staleAfterMs = 15_000,
  isDurable = false,
  say,
}: Chaos): Promise<ChaosResult> {
  const server = await startTestServer({ isDurable });
  const heard = join(await mkdtemp(join(tmpdir(), 'bulkhead-heard-')), 'heard.txt');
  await writeFile(heard, '');
  const acknowledged = new Acknowledged(heard);
  const env = {
    ...shortly,
    BULKHEAD_STALE_AFTER_MS: String(staleAfterMs),
    [heardVariable]: heard,
  };
  const { db, owner, context, connectionString, close } = await openPages(
    server,
    places,
    isBehindBouncer,
    env,
  );
  if (isDurable) await writeLate(owner);
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const done = new Map<string, number>();
  const refused = new Map<string, number>();
  const troubles = new Map<string, number>();
  const drawn = countDrawn();
  const broken: string[] = [];
  const startWorker = () =>
    startWorkerProcess(connectionString, env, join(import.meta.dirname, 'chaos-admin.ts'));
  const workers = await Promise.all(Array.from({ length: workerCount }, startWorker));
  const resumed: ChaosResult['resumed'] = { killed: [], frozen: [] };
  const measuring = new Set<Promise<void>>();
  let crashes = 0;
  /** Of the worker that is frozen: others are killed and stopped meanwhile. */
  let frozen: number | null = null;
  const deadline = Date.now() + ms;
  const isOver = () => Date.now() > deadline || broken.length > 0;

  const people = [ada, eve].map((who) =>
    repeat(
      () => act(pick(chaosActions(context, who, places, random, acknowledged))),
      () => 300 * random(),
    ),
  );
  const trouble = repeat(
    () => cause(pick(causes())),
    () => 200 + 1_500 * random(),
  );
  const freezer = repeat(freeze, () => 3_000 * random());
  const inspector = repeat(inspect, () => 2_000);
  await Promise.all([...people, trouble, freezer, inspector]);

  try {
    say('Coming to rest …');
    await Promise.all(measuring);
    await comeToRest();
    if (broken.length === 0)
      broken.push(
        ...(await findBroken(db, { ...invariantsAtRest(db), ...ownInvariants(db) })),
        ...(await findUntold(owner, db.t.change)),
        ...(await acknowledged.findLost(owner, db.t)).map((text) => `BROKEN: ${text}`),
      );
    const { rows } = await db.pages.query<{ state: string; count: number }>(
      `select state, count(*)::int as count from ${db.t.task} group by state`,
    );
    for (const { state, count } of rows) done.set(`tasks ${state}`, count);
  } finally {
    for (const worker of workers) await worker.kill('SIGKILL');
    await close();
    await server.stop();
    await rm(dirname(heard), { recursive: true, force: true });
  }
  if (isDurable && broken.length === 0 && acknowledged.lostCommits === 0)
    broken.push('NO COMMIT WAS LOST: this run shows nothing of what a crash takes back');
  return { done, refused, troubles, drawn, broken, resumed, acknowledged: acknowledged.inWords() };

  async function repeat(work: () => Promise<void>, pauseMs: () => number): Promise<void> {
    while (!isOver()) {
      await work();
      await sleep(pauseMs());
    }
  }

  async function act([name, work]: ChaosAction): Promise<void> {
    try {
      drawn.draw(await work());
      count(done, name);
    } catch (error) {
      if (error instanceof AppError) count(refused, `${name}: ${error.code}`);
      else if (isPassing(error)) count(refused, `${name}: database`);
      else
        broken.push(
          `BROKEN: ${name} threw ${error instanceof Error ? error.stack : String(error)}`,
        );
    }
  }

  async function cause([name, work]: Trouble): Promise<void> {
    count(troubles, name);
    await work();
  }

  /** Past its lease; the next look at it is a worker that has thawed. */
  async function freeze(): Promise<void> {
    frozen = await anyWorker();
    const child = workers[frozen]?.child;
    count(troubles, 'worker frozen past its lease');
    measure('frozen', child?.pid, () => child?.kill('SIGSTOP'), staleAfterMs + beyondStaleMs * 2);
    await sleep(staleAfterMs + beyondStaleMs * (1 + random()));
    child?.kill('SIGCONT');
    frozen = null;
  }

  function measure(
    how: keyof ChaosResult['resumed'],
    pid: number | undefined,
    stop: () => void,
    maxMs: number,
  ): void {
    const [before, at] = [crashes, { t: db.t, owner }];
    const isDisturbed = () => crashes !== before;
    const times = resumeTimes(at, { pid: pid ?? 0, stop, maxMs, isDisturbed }).catch((error) => {
      if (!isPassing(error)) throw error;
      stop();
      return [];
    });
    const measured = times.then((found) => {
      resumed[how].push(...found);
      measuring.delete(measured);
    });
    measuring.add(measured);
  }

  /** Of those that are not frozen, one that is at work, if there is one. */
  async function anyWorker(): Promise<number> {
    const awake = workers.map((_, index) => index).filter((index) => index !== frozen);
    const { rows } = await owner
      .query<{ pid: number }>(
        `select pid from ${db.t.worker} worker where exists (select from ${db.t.task_slot} join ${db.t.task} task on task.id = task_id where worker_id = worker.id and state = 'running')`,
      )
      .catch(() => ({ rows: [] }));
    const busy = awake.filter((index) => rows.some(({ pid }) => pid === workers[index]?.child.pid));
    return pick(busy.length > 0 ? busy : awake);
  }

  function causes(): Trouble[] {
    const replaced = async (index: number) => {
      const worker = workers[index];
      await new Promise<void>((done) => {
        measure('killed', worker?.child.pid, () => done(), 10_000);
      });
      await worker?.kill('SIGKILL');
      await sleep(1_500 * random());
      workers[index] = await startWorker();
    };
    const onServer = (sql: string) => async () =>
      void (await owner.query(sql, [random()]).catch(() => undefined));
    const others = `from (select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by pid) backend`;
    const one = `(select pid ${others} offset floor($1 * (select count(*) ${others})) limit 1)`;
    const kill: Trouble = ['worker killed', async () => replaced(await anyWorker())];
    const terminate: Trouble = [
      'connection terminated',
      onServer(`select pg_terminate_backend(${one})`),
    ];
    const interrupt: Trouble = [
      'statement cancelled',
      onServer(`select pg_cancel_backend(${one})`),
    ];
    const freezeWorker: Trouble = [
      'worker stopped for a while',
      async () => {
        const index = await anyWorker();
        const child = workers[index]?.child;
        child?.kill('SIGSTOP');
        await sleep(Math.min(5_000, staleAfterMs) * (0.1 + 0.8 * random()));
        if (index !== frozen) child?.kill('SIGCONT');
      },
    ];
    const { crash } = server;
    const crashing: Trouble = ['database crashed', async () => crash && crashed(crash)];
    return [
      kill,
      kill,
      kill,
      terminate,
      terminate,
      terminate,
      interrupt,
      interrupt,
      freezeWorker,
      ...Array.from({ length: crash ? (isDurable ? 4 : 1) : 0 }, () => crashing),
    ];
  }

  async function crashed(crash: () => Promise<void>): Promise<void> {
    crashes++;
    await acknowledged.crash(owner, db.t, crash);
  }

  async function inspect(): Promise<void> {
    try {
      await acknowledged.seeEnded(owner, db.t);
      broken.push(...(await findBroken(db, invariantsAlways(db))));
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }

  /** Schedules rest, and everything that was paused goes on; then everything ends by itself. */
  async function comeToRest(): Promise<void> {
    const until = Date.now() + restMs;
    for (const { name } of schedules) await pauseSchedule(context, ada, name);
    while (Date.now() < until) {
      const { rows } = await db.pages.query<{ id: number; state: string }>(
        `select id, state from ${db.t.task} where finished_at is null`,
      );
      for (const { id } of rows.filter(({ state }) => state === 'paused'))
        await resume(context, ada, id);
      const slots = await db.pages.query(`select 1 from ${db.t.task_slot}`);
      const calls = await db.pages.query(
        `select 1 from "${db.queueSchema}".jobs where attempts > 0`,
      );
      if (rows.length + (slots.rowCount ?? 0) + (calls.rowCount ?? 0) === 0) return;
      await sleep(250);
    }
  }
}

type Trouble = readonly [name: string, work: () => Promise<unknown>];

async function openPages(
  server: TestServer,
  places: number,
  isBehindBouncer: boolean,
  env: Record<string, string>,
) {
  process.env.BULKHEAD_TEST_SERVER = server.connectionString;
  const { connectionString: asOwner } = await createDatabase('empty');
  const owner = openPool({ connectionString: asOwner, name: 'owner', max: 2 });
  await fillChaos(owner, asOwner, places);
  const connectionString = await makeKeeper(owner, asOwner, [
    'gazetteer',
    '"Odd-Schema"',
    'torture',
  ]);
  const config = parseConfig({ ...env, BULKHEAD_LOG_LEVEL: 'silent' });
  const bouncer = isBehindBouncer ? await startBouncer(connectionString, pooledSessions) : null;
  const { db, context } = await buildContext(
    bouncer?.through(connectionString) ?? connectionString,
    config,
    chaosAdmin,
    () => undefined,
  );
  await insertPrincipals(db);
  const recovery = startRecovery(context);
  return {
    db,
    owner,
    context,
    connectionString,
    async close() {
      await recovery.stop();
      await Promise.all([db.close(), owner.end()]);
      await bouncer?.stop();
    },
  };
}

/** What is not waited for stays in memory for as long as it can: a crash takes all of it back. */
async function writeLate(owner: Pool): Promise<void> {
  for (const setting of [`wal_writer_delay = '10s'`, `wal_writer_flush_after = '1GB'`])
    await owner.query(`alter system set ${setting}`);
  await owner.query('select pg_reload_conf()');
}

function isPassing(error: unknown): boolean {
  return blame(databaseError(error)) === 'passing';
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
