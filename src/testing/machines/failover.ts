import { join } from 'node:path';
import { buildApp } from '../../app.ts';
import { createUser } from '../../auth/users.ts';
import { buildContext } from '../../build-context.ts';
import { migrateAll } from '../../cli/migrate-all.ts';
import { servePages } from '../../cli/serve-pages.ts';
import { parseConfig } from '../../config.ts';
import { taskManagerOf } from '../../create-task-manager.ts';
import { type Database, openDatabase } from '../../db/database.ts';
import { launchAs } from '../launch-as.ts';
import { type NetworkVisitor, signInOver } from '../network-visitor.ts';
import { ownTasksAdmin as admin, manyItems } from '../own-tasks-admin.ts';
import { insertPlaces, placeForm } from '../places.ts';
import { startRelay } from '../relay.ts';
import { type StreamingServer, startPrimary, startStandby } from '../standby-server.ts';
import { findBroken, invariantsAtRest } from '../task-invariants.ts';
import { until } from '../until.ts';
import { startWorkerProcess } from '../worker-process.ts';
import { keepLedger, ledgerDifferences } from '../write-ledger.ts';

export interface Failover {
  /** Folder of `initdb` and `pg_ctl`; default: the embedded server's. */
  programs?: string;
  /** Whether the primary acknowledges nothing that has not come to the standby. */
  isSynchronous: boolean;
  say(line: string): void;
}

export interface FailoverResult {
  /** Saves that were acknowledged, and of them those that are not there. */
  saves: number;
  lostSaves: number;
  /** Tasks that were acknowledged, and of them those that are not there. */
  tasks: number;
  lostTasks: number;
  /** Answers while there was no primary, by their status. */
  answers: ReadonlyMap<string, number>;
  /** From the promotion until a save was acknowledged again, and until the task went on. */
  savedAgainMs: number;
  wentOnMs: number;
  broken: string[];
}

const database = 'shop';
const places = 20_000;
/** Of the bulk task; whoever saves, saves others. */
const edited = 4_000;
const items = 10_000;
const password = 'a long password of everybody';
/** Without a standby that has been promoted. */
const withoutMs = 3_000;

/**
 * A primary is killed under a bulk task, a task of one's own and saves by HTTP, and its standby is
 * promoted: web and worker process are given both addresses, and nothing else.
 */
export async function failover({
  programs,
  isSynchronous,
  say,
}: Failover): Promise<FailoverResult> {
  const undoes: (() => unknown)[] = [];
  try {
    const given = programs === undefined ? {} : { programs };
    const primary = await startPrimary(given);
    undoes.push(() => primary.stop());
    await primary.query(`create database ${database}`);
    await fill(primary);
    // What an asynchronous standby has not heard of is lost: by a line that is cut, a second is.
    const line = isSynchronous ? null : await startRelay(primary.connectionString);
    if (line) undoes.push(() => line.stop());
    const standby = await startStandby(primary, {
      isSynchronous,
      ...(line
        ? { primaryPort: Number(new URL(line.through(primary.connectionString)).port) }
        : {}),
    });
    undoes.push(() => standby.stop());
    const url = primary
      .urlOf(database)
      .replace(/@[^/]+/, `@127.0.0.1:${primary.port},127.0.0.1:${standby.port}`);

    const config = parseConfig({
      DATABASE_URL: url,
      PORT: '0',
      BULKHEAD_SESSION_SECRET: 'x'.repeat(40),
      BULKHEAD_LOG_LEVEL: 'silent',
    });
    const { db, context } = await buildContext(url, config, admin, () => undefined);
    undoes.push(() => db.close());
    const app = await buildApp({ admin, config, context });
    undoes.push(() => app.close());
    const visitor = await signInOver(await servePages(app, config), 'ada@example.com', password);
    const worker = await startWorkerProcess(
      url,
      { BULKHEAD_CHUNK_SIZE: '50', BULKHEAD_LOG_LEVEL: 'error' },
      join(import.meta.dirname, '../own-tasks-admin.ts'),
    );
    undoes.push(() => worker.kill('SIGTERM'));

    const manager = taskManagerOf(admin, context);
    const acknowledged = [
      await launchAs(visitor, edited),
      (await manager.launch(manyItems, { items })).id,
    ];
    const [bulk = 0] = acknowledged;
    const doneOf = async (id: number) => {
      const { rows } = await db.pages.query<{ done: number }>(
        `select done from ${db.t.task} where id = $1`,
        [id],
      );
      return rows[0]?.done ?? 0;
    };
    await until(async () => (await doneOf(bulk)) > edited / 10);
    const saving = startSaving(visitor);
    undoes.push(() => saving.stop());
    await until(() => saving.saved.length > 5);
    if (line) {
      line.swallowOpen();
      const before = saving.saved.length;
      await until(() => saving.saved.length > before + 5);
      acknowledged.push((await manager.launch(manyItems, { items: 100 })).id);
    }
    const wasDone = await doneOf(bulk);
    await primary.kill();
    say(
      `The primary is killed: ${wasDone} of ${edited} records done, ${saving.saved.length} saves`,
    );
    await new Promise((done) => setTimeout(done, withoutMs));
    const savedBefore = saving.saved.length;
    const promotedAt = performance.now();
    await standby.promote();
    await until(() => saving.saved.length > savedBefore);
    const savedAgainMs = performance.now() - promotedAt;
    await until(async () => (await doneOf(bulk)) > wasDone);
    const wentOnMs = performance.now() - promotedAt;
    say(`Saved again after ${seconds(savedAgainMs)}, the task went on after ${seconds(wentOnMs)}`);
    await until(async () => {
      const { rowCount } = await db.pages.query(
        `select from ${db.t.task} where finished_at is null`,
      );
      return rowCount === 0;
    });
    await saving.stop();

    const { rows: there } = await db.pages.query<{ id: number; state: string }>(
      `select id, state from ${db.t.task} where id = any($1)`,
      [acknowledged],
    );
    const { rows: kept } = await db.pages.query<{ notes: string }>(
      'select notes from gazetteer.city where notes = any($1)',
      [saving.saved],
    );
    const broken = [
      ...(await findBroken(db, invariantsAtRest(db))),
      ...there
        .filter(({ state }) => state !== 'succeeded')
        .map(({ id, state }) => `BROKEN: task ${id} has ended as ${state}`),
      ...(await ledgerDifferences(db.pages, db.t.change, 10)).map((text) => `BROKEN: ${text}`),
      ...(await dealtOtherwise(db, there.length)),
    ];
    return {
      ...{ saves: saving.saved.length, lostSaves: saving.saved.length - kept.length },
      ...{ tasks: acknowledged.length, lostTasks: acknowledged.length - there.length },
      ...{ answers: saving.answers, savedAgainMs, wentOnMs, broken },
    };
  } finally {
    for (const undo of undoes.reverse()) await undo();
  }
}

async function fill(primary: StreamingServer): Promise<void> {
  const connectionString = primary.urlOf(database);
  await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
  const db = await openDatabase({ connectionString });
  try {
    await insertPlaces(db, places);
    await createUser(db, { email: 'ada@example.com', name: 'Ada', password, roles: ['admin'] });
    await keepLedger(db.pages);
    await db.pages.query('create table public.dealt (item int not null)');
    // As slow as it is on a machine that has other things to do.
    await db.pages.query(
      `create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.1); return null; end $$;
       create trigger dawdle after update on gazetteer.city for each statement execute function gazetteer.dawdle()`,
    );
  } finally {
    await db.close();
  }
}

/** Saves one record after the other by its form, each with words of its own. */
function startSaving(visitor: NetworkVisitor) {
  const saved: string[] = [];
  const answers = new Map<string, number>();
  let isStopped = false;
  const saving = (async () => {
    for (let id = edited + 1; !isStopped && id <= places; id++) {
      const notes = `saved ${id}`;
      const { statusCode } = await visitor.post(`/cities/${id}/edit`, {
        ...{ ...placeForm, name: `Place ${id}`, notes },
      });
      answers.set(String(statusCode), (answers.get(String(statusCode)) ?? 0) + 1);
      if (statusCode === 303) saved.push(notes);
      else await new Promise((done) => setTimeout(done, 100));
    }
  })();
  return {
    saved,
    answers,
    async stop() {
      isStopped = true;
      await saving;
    },
  };
}

/** Items of the task of one's own that were not dealt with once. */
async function dealtOtherwise({ pages }: Database, tasks: number): Promise<string[]> {
  const { rows } = await pages.query<{ count: number; times: number }>(
    'select count(distinct item)::int as count, max(times)::int as times from (select item, count(*) as times from public.dealt group by item) dealt',
  );
  const [found] = rows;
  const isRight = found?.count === items && found.times <= Math.max(1, tasks - 1);
  return isRight ? [] : [`BROKEN: items were dealt with otherwise: ${JSON.stringify(found)}`];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
