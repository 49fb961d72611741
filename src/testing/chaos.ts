import { randomUUID } from 'node:crypto';
import admin from '../admin.ts';
import { parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { databaseError } from '../db/database-error.ts';
import { AppError } from '../errors.ts';
import { deleteRecord, updateRecord } from '../operations/save-record.ts';
import { buildContext } from '../server.ts';
import { cancel } from '../tasks/cancel.ts';
import type { TaskContext } from '../tasks/context.ts';
import { retry } from '../tasks/follow-up.ts';
import { pause, resume } from '../tasks/pause.ts';
import type { Overlap } from '../tasks/run-options.ts';
import { blame } from '../tasks/sqlstate.ts';
import { startRecovery } from '../tasks/worker.ts';
import { undo } from '../tasks/undo.ts';
import { ada, eve, insertPrincipals, launchOn } from './context.ts';
import { createDatabase, startTestServer, type TestServer } from './database.ts';
import { startBouncer } from './pgbouncer.ts';
import { insertPlaces } from './places.ts';
import { seededRandom } from './random.ts';
import { findBroken, invariantsAlways, invariantsAtRest } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';
import { keepLedger, ledgerDifferences } from './write-ledger.ts';
import { saveContextOf } from '../tasks/save-context.ts';

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
  broken: string[];
}

/** Short, so that a worker that was stopped for a moment outlives them; no task is given up for its dead workers. */
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
 * People launch, pause, cancel, retry and undo random tasks and edit single records, while workers are killed and stopped,
 * connections ended and the database crashed. Then everything comes to rest, and nothing may be lost, done twice or untold.
 */
export async function chaos({ seed, ms, places, isBehindBouncer = false, say }: Chaos): Promise<ChaosResult> {
  const server = await startTestServer();
  const { db, ctx, connectionString, close } = await openPages(server, places, isBehindBouncer);
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const done = new Map<string, number>();
  const refused = new Map<string, number>();
  const troubles = new Map<string, number>();
  const broken: string[] = [];
  const workers = await Promise.all(Array.from({ length: workerCount }, () => startWorkerProcess(connectionString, env)));
  const deadline = Date.now() + ms;
  const isOver = () => Date.now() > deadline || broken.length > 0;

  const people = [ada, eve].map((who) =>
    repeat(
      () => act(pick(actions(ctx, who, places, random))),
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
    if (broken.length === 0) broken.push(...(await findBroken(db, invariantsAtRest(db))), ...(await findUntold(db)));
    const { rows } = await db.pages.query<{ state: string; count: number }>(
      `select state, count(*)::int as count from ${db.t.task} group by state`,
    );
    for (const { state, count } of rows) done.set(`tasks ${state}`, count);
  } finally {
    for (const worker of workers) await worker.kill('SIGKILL');
    await close();
    await server.stop();
  }
  return { done, refused, troubles, broken };

  async function repeat(work: () => Promise<void>, pauseMs: () => number): Promise<void> {
    while (!isOver()) {
      await work();
      await sleep(pauseMs());
    }
  }

  async function act([name, work]: Action): Promise<void> {
    try {
      await work();
      count(done, name);
    } catch (error) {
      if (error instanceof AppError) count(refused, `${name}: ${error.code}`);
      else if (isPassing(error)) count(refused, `${name}: database`);
      else broken.push(`BROKEN: ${name} threw ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  async function cause([name, work]: Action): Promise<void> {
    count(troubles, name);
    await work();
  }

  function causes(): Action[] {
    const replaced = async (index: number) => {
      await workers[index]?.kill('SIGKILL');
      await sleep(1_500 * random());
      workers[index] = await startWorkerProcess(connectionString, env);
    };
    const onServer = (sql: string) => async () => void (await db.drains.query(sql, [random()]).catch(() => undefined));
    const others = `from (select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by pid) backend`;
    const one = `(select pid ${others} offset floor($1 * (select count(*) ${others})) limit 1)`;
    const kill: Action = ['worker killed', () => replaced(Math.floor(random() * workerCount))];
    const terminate: Action = ['connection terminated', onServer(`select pg_terminate_backend(${one})`)];
    const interrupt: Action = ['statement cancelled', onServer(`select pg_cancel_backend(${one})`)];
    const freezeWorker: Action = [
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
      const { rows } = await db.pages.query<{ id: number; state: string }>(`select id, state from ${db.t.task} where finished_at is null`);
      for (const { id } of rows.filter(({ state }) => state === 'paused')) await resume(ctx, ada, id);
      const slots = await db.pages.query(`select 1 from ${db.t.task_slot}`);
      if (rows.length === 0 && slots.rowCount === 0) return;
      await sleep(250);
    }
  }
}

type Action = readonly [name: string, work: () => Promise<unknown>];

function actions(ctx: TaskContext, who: typeof ada, places: number, random: () => number): Action[] {
  const { db } = ctx;
  const cities = ctx.register.for(who, 'cities');
  const key = (id: number) => String(id).padStart(20, '0');
  const save = saveContextOf(ctx, cities, who);
  const some = (most: number) => {
    const count = 1 + Math.floor(random() * most);
    const first = 1 + Math.floor(random() * Math.max(1, places - count));
    return { kind: 'ticked' as const, keys: Array.from({ length: count }, (_, index) => key(first + index)) };
  };
  const overlap = (['refuse', 'skip', 'wait'] as const)[Math.floor(random() * 3)] as Overlap;
  const options = { overlap, inBackground: random() < 0.3, skipChanged: random() < 0.2 };
  const edit = (selected: Parameters<typeof launchOn>[2], body: Record<string, string>) =>
    launchOn(ctx, cities, selected, 'update', body, who, options);
  const all = { kind: 'matching' as const, filter: '' };
  const append = { field: 'notes', 'change.notes': 'append', 'value.notes': '+' };
  const setNotes = () => ({ field: 'notes', 'value.notes': `${random() < 0.3 ? 'refused' : 'note'} ${Math.floor(random() * 1_000)}` });
  const setStatus = () => ({ field: 'status', 'value.status': random() < 0.5 ? 'draft' : 'published' });
  const onTask = async (condition: string, work: (id: number) => Promise<unknown>) => {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from ${db.t.task} where principal_id = $1 and ${condition} order by id desc limit 5`,
      [who.id],
    );
    const row = rows[Math.floor(random() * rows.length)];
    if (row) await work(row.id);
  };
  const unfinished = 'finished_at is null';
  return [
    ['edit all', () => edit(all, random() < 0.5 ? append : setStatus())],
    ['edit all', () => edit(all, setNotes())],
    ['edit some', () => edit(some(places / 2), append)],
    ['edit some', () => edit(some(places / 2), { field: 'featured', 'change.featured': 'toggle' })],
    ['edit few', () => edit(some(15), random() < 0.5 ? append : setNotes())],
    ['delete some', () => launchOn(ctx, cities, some(places / 10), 'delete', { acknowledge: 'yes' }, who, options)],
    ['pause', () => onTask(unfinished, (id) => pause(ctx, who, id))],
    ['resume', () => onTask(`${unfinished} and state in ('paused', 'pausing')`, (id) => resume(ctx, who, id))],
    ['resume', () => onTask(`${unfinished} and state in ('paused', 'pausing')`, (id) => resume(ctx, who, id))],
    ['cancel', () => onTask(unfinished, (id) => cancel(ctx, who, id))],
    ['retry', () => onTask('failed > 0', (id) => retry(ctx, who, id, { operationId: randomUUID(), code: null }))],
    ['undo', () => onTask('changed > 0', (id) => undo(ctx, who, id, { operationId: randomUUID(), chosen: null }))],
    [
      'undo of a delete',
      () => onTask(`operation = 'delete' and changed > 0`, (id) => undo(ctx, who, id, { operationId: randomUUID(), chosen: null })),
    ],
    [
      'save one',
      () => {
        const field = cities.fields.find(({ name }) => name === 'notes');
        if (!field) throw new Error('there is no field notes');
        return updateRecord(save, key(1 + Math.floor(random() * places)), () => new Map([[field, `by hand ${random()}`]]));
      },
    ],
    ['delete one', () => deleteRecord(save, key(1 + Math.floor(random() * places)))],
  ];
}

async function openPages(server: TestServer, places: number, isBehindBouncer: boolean) {
  process.env.BULKHEAD_TEST_SERVER = server.connectionString;
  const { connectionString } = await createDatabase('empty');
  const config = parseConfig({ ...env, BULKHEAD_LOG_LEVEL: 'silent' });
  const bouncer = isBehindBouncer ? await startBouncer(connectionString, pooledSessions) : null;
  const { db, ctx } = await buildContext(bouncer?.through(connectionString) ?? connectionString, config, admin, () => undefined);
  await insertPrincipals(db);
  await insertPlaces(db, places);
  // Some places refuse some notes, so that there is something to isolate and to retry.
  await db.pages.query(`alter table gazetteer.city add check (id % 97 <> 0 or notes is null or notes not like 'refused%')`);
  await keepLedger(db);
  const recovery = startRecovery(ctx);
  return {
    db,
    ctx,
    connectionString,
    async close() {
      await recovery.stop();
      await db.close();
      await bouncer?.stop();
    },
  };
}

async function findUntold(db: Database): Promise<string[]> {
  const differences = await ledgerDifferences(db, 10);
  return differences.length === 0
    ? []
    : [['BROKEN: every write is told once, as it was', ...differences.map((text) => `  ${text}`)].join('\n')];
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
