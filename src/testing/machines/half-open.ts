import { testApp } from '../app.ts';
import { launchAs } from '../launch-as.ts';
import { insertPlaces } from '../places.ts';
import { findBroken, invariantsAtRest } from '../task-invariants.ts';
import { until } from '../until.ts';
import { startWorkerProcess, type WorkerProcess } from '../worker-process.ts';
import { keepLedger, ledgerDifferences } from '../write-ledger.ts';

/** The way of a worker to its database, which can be made to lose everything and to say nothing of it. */
export interface CuttableLine {
  /** A worker at its far end; it outlives what the line does. */
  startFar(env: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  cut(): Promise<void> | void;
  mend(): Promise<void> | void;
}

export interface HalfOpen {
  /** How long nothing comes through, and how often. */
  ms: number;
  times: number;
  /** After how long a silent worker is taken to hang. */
  staleAfterMs: number;
  say(line: string): void;
}

export interface HalfOpenResult {
  /** From the cut until the task had gone on elsewhere, and until its neighbour was cancelled. */
  wentOnMs: number[];
  cancelledMs: number[];
  broken: string[];
}

const places = 8_000;
const edited = 3_000;
const chunks = { BULKHEAD_CHUNK_SIZE: '50' };

/**
 * A worker is in the middle of two tasks when its line loses everything. Another, which has the
 * database, goes on with the one; the other is cancelled.
 *
 * @param after where what is to be undone goes
 * @param openLine makes the line to a database
 */
export async function halfOpen(
  after: (undo: () => unknown) => void,
  openLine: (connectionString: string) => Promise<CuttableLine>,
  { ms, times, staleAfterMs, say }: HalfOpen,
): Promise<HalfOpenResult> {
  const { db, connectionString, signIn } = await testApp({ after });
  await insertPlaces(db, places);
  await keepLedger(db.pages);
  // So slow that what is under way is still so when another worker has begun.
  await db.pages.query(
    `create table gazetteer.pace as select 0.3::float as seconds;
     create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(seconds) from gazetteer.pace; return null; end $$;
     create trigger dawdle after update on gazetteer.city for each statement execute function gazetteer.dawdle()`,
  );
  const visitor = await signIn('admin');
  const line = await openLine(connectionString);
  const env = {
    ...chunks,
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_STALE_AFTER_MS: String(staleAfterMs),
  };
  const far = await line.startFar(env);
  after(() => far.kill('SIGKILL'));
  const [wentOnMs, cancelledMs]: number[][] = [[], []];
  for (let time = 1; time <= times; time++) {
    await pace(0.3);
    const body = { field: 'notes', 'change.notes': 'set', 'value.notes': `time ${time}` };
    const task = await launchAs(visitor, edited, { body });
    const other = await launchAs(visitor, edited, { body, from: edited + 1 });
    await until(async () => (await doneOf(task)) > 0 && (await doneOf(other)) > 0);
    const near = await startWorkerProcess(connectionString, env);
    after(() => near.kill('SIGKILL'));
    await line.cut();
    const cutAt = performance.now();
    say(`Cut at ${await doneOf(task)} of ${edited} records`);
    // What is on its way may still come.
    await new Promise((done) => setTimeout(done, 500));
    const wasDone = await doneOf(task);
    const { statusCode, body: said } = await visitor.post(`/tasks/${other}/cancellation`);
    if (statusCode >= 400) throw new Error(`cancelling was answered ${statusCode}: ${said}`);
    await Promise.all([
      until(async () => (await doneOf(task)) > wasDone).then(() =>
        wentOnMs?.push(performance.now() - cutAt),
      ),
      until(async () => (await stateOf(other)) === 'cancelled').then(() =>
        cancelledMs?.push(performance.now() - cutAt),
      ),
    ]);
    say(`Went on after ${wentOnMs?.at(-1)} ms, cancelled after ${cancelledMs?.at(-1)} ms`);
    await pace(0);
    await until(async () => (await stateOf(task)) === 'succeeded');
    await new Promise((done) => setTimeout(done, Math.max(0, ms - (performance.now() - cutAt))));
    await line.mend();
    await near.kill('SIGTERM');
    // It comes back by itself, under another id.
    await until(async () => (await workers()) === 1);
  }
  await far.kill('SIGTERM');
  const broken = [
    ...(await findBroken(db, invariantsAtRest(db))),
    ...(await ledgerDifferences(db.pages, db.t.change, 10)).map((text) => `BROKEN: ${text}`),
  ];
  return { wentOnMs: wentOnMs ?? [], cancelledMs: cancelledMs ?? [], broken };

  async function pace(seconds: number): Promise<void> {
    await db.pages.query('update gazetteer.pace set seconds = $1', [seconds]);
  }

  async function doneOf(id: number): Promise<number> {
    const { rows } = await db.pages.query<{ done: number }>(
      `select done from ${db.t.task} where id = $1`,
      [id],
    );
    return rows[0]?.done ?? 0;
  }

  async function stateOf(id: number): Promise<string | undefined> {
    const { rows } = await db.pages.query<{ state: string }>(
      `select state from ${db.t.task} where id = $1`,
      [id],
    );
    return rows[0]?.state;
  }

  async function workers(): Promise<number> {
    const { rows } = await db.pages.query<{ count: number }>(
      `select count(*)::int as count from ${db.t.worker} where heartbeat_at > now() - interval '5 seconds'`,
    );
    return rows[0]?.count ?? 0;
  }
}
