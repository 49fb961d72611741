import { join } from 'node:path';
import { buildContext } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import { databaseError } from '../db/database-error.ts';
import { openPool } from '../db/pool.ts';
import { blame } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { resume } from '../tasks/control/pause.ts';
import { startRecovery } from '../tasks/worker/worker.ts';
import { type ChaosAction, chaosActions } from './chaos-actions.ts';
import { chaosAdmin } from './chaos-admin.ts';
import { fillChaos, findUntold } from './chaos-tables.ts';
import { ada, eve, insertPrincipals } from './context.ts';
import { createDatabase, startTestServer, type TestServer } from './database.ts';
import { countDrawn, type DrawnCauses } from './drawn-causes.ts';
import { makeKeeper } from './keeper.ts';
import { startBouncer } from './pgbouncer.ts';
import { seededRandom } from './random.ts';
import { findBroken, invariantsAlways, invariantsAtRest } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface Chaos {
  seed: number;
  /** How long there is trouble; coming to rest takes a little longer. */
  ms: number;
  places: number;
  /** The pages go through PgBouncer in transaction mode, with a few sessions. */
  isBehindBouncer?: boolean;
  say(line: string): void;
}

export interface ChaosResult {
  done: ReadonlyMap<string, number>;
  refused: ReadonlyMap<string, number>;
  troubles: ReadonlyMap<string, number>;
  /** What the database did to it besides. */
  drawn: DrawnCauses;
  broken: string[];
}

/**
 * Short, so that a worker that was stopped for a moment outlives them; no task is given up for its
 * dead workers.
 */
const env = {
  BULKHEAD_STATEMENT_TIMEOUT_MS: '3000',
  BULKHEAD_LOCK_TIMEOUT_MS: '1000',
  BULKHEAD_MAX_DEATHS: '100',
  BULKHEAD_PARALLELISM: '2',
};
const workerCount = 2;
const pooledSessions = 4;
const restMs = 120_000;

/**
 * People launch, pause, cancel, retry and undo random tasks and edit single records, while workers
 * are killed and stopped, connections ended and the database crashed. Then everything comes to
 * rest, and nothing may be lost, done twice or untold.
 */
export async function chaos({
  seed,
  ms,
  places,
  isBehindBouncer = false,
  say,
}: Chaos): Promise<ChaosResult> {
  const server = await startTestServer();
  const { db, owner, context, connectionString, close } = await openPages(
    server,
    places,
    isBehindBouncer,
  );
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
  const deadline = Date.now() + ms;
  const isOver = () => Date.now() > deadline || broken.length > 0;

  const people = [ada, eve].map((who) =>
    repeat(
      () => act(pick(chaosActions(context, who, places, random))),
      () => 300 * random(),
    ),
  );
  const trouble = repeat(
    () => cause(pick(causes())),
    () => 200 + 1_500 * random(),
  );
  const inspector = repeat(inspect, () => 2_000);
  await Promise.all([...people, trouble, inspector]);

  try {
    say('Coming to rest …');
    await comeToRest();
    if (broken.length === 0)
      broken.push(
        ...(await findBroken(db, invariantsAtRest(db))),
        ...(await findUntold(owner, db.t.change)),
      );
    const { rows } = await db.pages.query<{ state: string; count: number }>(
      `select state, count(*)::int as count from ${db.t.task} group by state`,
    );
    for (const { state, count } of rows) done.set(`tasks ${state}`, count);
  } finally {
    for (const worker of workers) await worker.kill('SIGKILL');
    await close();
    await server.stop();
  }
  return { done, refused, troubles, drawn, broken };

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

  function causes(): Trouble[] {
    const replaced = async (index: number) => {
      await workers[index]?.kill('SIGKILL');
      await sleep(1_500 * random());
      workers[index] = await startWorker();
    };
    const onServer = (sql: string) => async () =>
      void (await owner.query(sql, [random()]).catch(() => undefined));
    const others = `from (select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by pid) backend`;
    const one = `(select pid ${others} offset floor($1 * (select count(*) ${others})) limit 1)`;
    const kill: Trouble = ['worker killed', () => replaced(Math.floor(random() * workerCount))];
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
        const { child } = pick(workers);
        child.kill('SIGSTOP');
        await sleep(500 + 4_500 * random());
        child.kill('SIGCONT');
      },
    ];
    const { crash } = server;
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
      ...(crash ? [['database crashed', crash] as const] : []),
    ];
  }

  async function inspect(): Promise<void> {
    try {
      broken.push(...(await findBroken(db, invariantsAlways(db))));
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }

  /** Everything that was paused goes on; then everything ends by itself. */
  async function comeToRest(): Promise<void> {
    const until = Date.now() + restMs;
    while (Date.now() < until) {
      const { rows } = await db.pages.query<{ id: number; state: string }>(
        `select id, state from ${db.t.task} where finished_at is null`,
      );
      for (const { id } of rows.filter(({ state }) => state === 'paused'))
        await resume(context, ada, id);
      const slots = await db.pages.query(`select 1 from ${db.t.task_slot}`);
      if (rows.length === 0 && slots.rowCount === 0) return;
      await sleep(250);
    }
  }
}

type Trouble = readonly [name: string, work: () => Promise<unknown>];

async function openPages(server: TestServer, places: number, isBehindBouncer: boolean) {
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

function isPassing(error: unknown): boolean {
  return blame(databaseError(error)) === 'passing';
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
