import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RouteOptions } from 'fastify';
import pg from 'pg';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { createUser } from '../auth/users.ts';
import { buildContext } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import type { TaskContext } from '../tasks/context.ts';
import { htmx } from './app.ts';
import { createDatabase, stopOwnServer } from './database.ts';
import { selectAs } from './launch-as.ts';
import { type Answer, type NetworkVisitor, signInOver } from './network-visitor.ts';
import { encode, type OddRequest, oddRequests } from './odd-requests.ts';
import { startBouncer } from './pgbouncer.ts';
import { insertPlaces } from './places.ts';
import { seededRandom } from './random.ts';
import { startServerProcess } from './server-process.ts';
import { findBroken, invariantsAtRest } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';
import { keepLedger, ledgerDifferences } from './write-ledger.ts';

export interface BehindBouncer {
  seed: number;
  /** How long people are at work, after every route was asked once. */
  ms: number;
  say(line: string): void;
}

export interface BehindBouncerResult {
  /** Routes of the pages, and how many of them were asked. */
  routes: number;
  asked: number;
  answers: ReadonlyMap<string, number>;
  tasks: ReadonlyMap<string, number>;
  writes: number;
  broken: string[];
}

const poolSize = 3;
const places = 600;
/** Done within the request, where nothing but the pooler's sessions is at hand. */
const inlineRecords = 60;
const password = 'a long password of everybody';
const people = ['ada', 'bob', 'eve', 'joe'];
const oddPerRoute = 2;
/** Where records have no number, one that is there. */
const keys = new Map([
  ['countries', 'ESP'],
  ['languages', 'spa'],
]);
const restMs = 60_000;

/** What somebody asked for: the only value that the task may have written, in the only field. */
interface Claim {
  taskId: number;
  column: string;
  value: string;
}

/**
 * Two web processes behind PgBouncer in transaction mode, with fewer sessions than requests, and
 * workers past it. Every route is asked, people edit at once through both, and a trigger writes
 * down what was really written: what every task claims is what it was asked for, and nothing else
 * was done. At the end nothing of ours is left on the pooler's sessions.
 */
export async function behindBouncer({
  seed,
  ms,
  say,
}: BehindBouncer): Promise<BehindBouncerResult> {
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const answers = new Map<string, number>();
  const asked = new Set<string>();
  const broken: string[] = [];
  const claims: Claim[] = [];
  const undoes: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-behind-'));
  undoes.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const { connectionString, drop } = await createDatabase('empty');
    undoes.push(stopOwnServer, drop);
    const bouncer = await startBouncer(connectionString, poolSize);
    undoes.push(() => bouncer.stop());
    const through = bouncer.through(connectionString);
    const env = {
      DIRECT_DATABASE_URL: connectionString,
      BULKHEAD_FOLDER: folder,
      BULKHEAD_SESSION_SECRET: 'x'.repeat(40),
      BULKHEAD_MIN_ASYNC_RECORDS: String(inlineRecords + 1),
      BULKHEAD_LOG_LEVEL: 'error',
    };
    const config = parseConfig({ ...env, BULKHEAD_LOG_LEVEL: 'silent' });
    const { db, context } = await buildContext(connectionString, config, admin, () => undefined);
    undoes.push(() => db.close());
    await prepare(db);
    const servers = await Promise.all([1, 2].map(() => startServerProcess(through, env)));
    for (const server of servers) undoes.push(() => server.stop());
    const workers = await Promise.all([1, 2].map(() => startWorkerProcess(through, env)));
    for (const worker of workers) undoes.push(() => worker.kill('SIGTERM'));
    const visitors = await Promise.all(
      people.map((name, index) => signInOver(addressOf(index), `${name}@example.com`, password)),
    );
    const walkers = await Promise.all(
      [0, 1].map((index) => signInOver(addressOf(index), 'walker@example.com', password)),
    );
    const { routes, requests } = await everyRoute(context);
    const sessions = (
      await db.pages.query<{ row: string }>(
        `select to_jsonb(session)::text as row from ${db.t.session} session`,
      )
    ).rows;

    say(`${routes.length} routes, ${requests.length} odd requests …`);
    const deadline = Date.now() + ms;
    const isOver = () => Date.now() > deadline || broken.length > 0;
    await Promise.all([
      ...walkers.map((walker, index) => walk(walker, index)),
      ...visitors.map(async (visitor, index) => {
        while (!isOver())
          await act(visitor, index).catch((error) =>
            broken.push(`BROKEN: ${error instanceof Error ? error.stack : error}`),
          );
      }),
    ]);

    say('Coming to rest …');
    await comeToRest();
    if (broken.length === 0) {
      broken.push(
        ...(await findBroken(db, invariantsAtRest(db))),
        ...(await findUntold(db)),
        ...(await findLeft(through)),
      );
    }
    const states = await db.pages.query<{ state: string; count: number }>(
      `select state || ' (' || backend || ')' as state, count(*)::int as count from ${db.t.task} group by 1`,
    );
    const written = await db.pages.query<{ count: number }>(
      'select count(*)::int as count from gazetteer.ledger',
    );
    return {
      routes: routes.length,
      asked: routes.filter((route) => asked.has(route)).length,
      answers,
      tasks: new Map(states.rows.map(({ state, count }) => [state, count])),
      writes: written.rows[0]?.count ?? 0,
      broken,
    };

    function addressOf(index: number): string {
      return (servers[index % servers.length] as { address: string }).address;
    }

    async function walk(walker: NetworkVisitor, index: number): Promise<void> {
      for (let at = index; at < requests.length && broken.length === 0; at += walkers.length) {
        const request = requests[at] as OddRequest;
        asked.add(request.route);
        await hear(request.route, sendOdd(walker, request));
        if (request.route !== 'POST /sign-out') continue;
        await db.pages.query(
          `insert into ${db.t.session} select (jsonb_populate_record(null::${db.t.session}, row::jsonb)).* from unnest($1::text[]) row on conflict do nothing`,
          [sessions.map(({ row }) => row)],
        );
      }
    }

    async function sendOdd(
      walker: NetworkVisitor,
      { method, route, path, query, body, raw, headers }: OddRequest,
    ): Promise<Answer> {
      const id = keys.get(path.split('/')[1] ?? '') ?? String(1 + below(places));
      const task = await db.pages.query<{ id: number }>(
        `select coalesce(max(id), 1) as id from ${db.t.task}`,
      );
      const put = (text: string) =>
        text
          .replaceAll('{task}', String(task.rows[0]?.id))
          .replaceAll('{field}', 'notes')
          .replaceAll('{number}', '1')
          .replaceAll(/\{(?:id|hidden)\}/g, id)
          .replaceAll('{key}', id.padStart(20, '0'))
          .replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000');
      const form = (pairs: readonly (readonly [string, string])[]) =>
        pairs.map(([name, value]) => `${encode(put(name))}=${encode(put(value))}`).join('&');
      const url = `${put(path).replaceAll('\0', '%00')}${query.length === 0 ? '' : `?${form(query)}`}`;
      const given = Object.fromEntries(
        Object.entries(headers).filter(([, value]) => /^[\t\x20-\x7e]*$/.test(value)),
      );
      if (method === 'GET') return walker.send(method, url, { headers: given });
      if (raw && route !== 'POST /sign-out') {
        const type: Record<string, string> = raw.type === '' ? {} : { 'content-type': raw.type };
        return walker.send(method, url, {
          headers: { ...given, ...type, 'x-csrf-token': walker.csrf },
          payload: raw.text,
        });
      }
      const payload = form([...(body ?? []), ['_csrf', walker.csrf]]);
      return walker.send(method, url, {
        headers: { ...given, 'content-type': 'application/x-www-form-urlencoded' },
        payload,
      });
    }

    /**
     * What somebody does: mostly what is done within the request, and each by a value that nobody
     * else writes.
     */
    async function act(visitor: NetworkVisitor, index: number): Promise<void> {
      const value = `${people[index]} ${Date.now()} ${below(1_000_000)}`;
      const from = 1 + below(places - inlineRecords);
      const json = { accept: 'application/json' };
      const done = below(10);
      if (done < 4) {
        const [column, written] =
          index % 2 === 0 ? ['notes', value] : (['rating', (below(90) / 10).toFixed(1)] as const);
        return edit(visitor, inlineRecords, from, column as string, written as string);
      }
      if (done < 5) return edit(visitor, 300, 1 + below(places - 300), 'notes', value);
      if (done < 6) {
        const path = `/cities/bulk-edit?_s=${await selectAs(visitor, inlineRecords, from)}`;
        const answer = await hear(
          'preview',
          visitor.post(path, { field: 'notes', 'value.notes': value, _do: 'preview' }),
        );
        const page =
          answer?.statusCode === 303
            ? await hear('preview', visitor.get(String(answer.headers.location)))
            : null;
        if (page?.statusCode === 200 && !page.body.includes(value))
          broken.push(`BROKEN: a preview of ${value} does not name it`);
        return;
      }
      if (done < 8) {
        const form = {
          name: `Place ${from}`,
          country: 'ESP',
          featureCode: 'PPL',
          population: '1',
          latitude: '0',
          longitude: '0',
        };
        await hear(
          'save',
          visitor.post(`/cities/${from}/edit`, { ...form, status: 'draft', notes: value }),
        );
        return;
      }
      const { rows } = await db.pages.query<{ id: number }>(
        `select id from ${db.t.task} where changed > 0 order by id desc limit 5`,
      );
      const { id = 1 } = rows[below(rows.length)] ?? {};
      if (done < 9) {
        await hear('undo', visitor.post(`/tasks/${id}/undo`, { _op: crypto.randomUUID() }, json));
        return;
      }
      const path = `/cities/bulk-delete?_s=${await selectAs(visitor, 2, from)}`;
      await launch('delete', visitor, path, { acknowledge: 'yes' });
    }

    async function edit(
      visitor: NetworkVisitor,
      count: number,
      from: number,
      column: string,
      value: string,
    ): Promise<void> {
      const path = `/cities/bulk-edit?_s=${await selectAs(visitor, count, from)}`;
      const answer = await launch('edit', visitor, path, {
        field: column,
        [`change.${column}`]: 'set',
        [`value.${column}`]: value,
      });
      if (answer?.statusCode === 202)
        claims.push({ taskId: Number(answer.json().taskId), column, value });
    }

    /** Null also where nothing that was selected is left. */
    async function launch(
      what: string,
      visitor: NetworkVisitor,
      path: string,
      body: Record<string, string>,
    ): Promise<Answer | null> {
      const form = await hear(what, visitor.get(path, htmx));
      const operation = /name="_op" value="([^"]+)"/.exec(form?.body ?? '')?.[1];
      return operation
        ? hear(
            what,
            visitor.post(path, { _op: operation, ...body }, { accept: 'application/json' }),
          )
        : null;
    }

    async function hear(what: string, sent: Promise<Answer>): Promise<Answer | null> {
      try {
        const answer = await sent;
        const { statusCode } = answer;
        answers.set(String(statusCode), (answers.get(String(statusCode)) ?? 0) + 1);
        if (statusCode >= 500 && statusCode !== 503)
          broken.push(`BROKEN: ${what} was answered ${statusCode}: ${answer.body.slice(0, 500)}`);
        return answer;
      } catch (error) {
        broken.push(`BROKEN: ${what}: ${error instanceof Error ? error.stack : String(error)}`);
        return null;
      }
    }

    async function everyRoute({ registry }: TaskContext) {
      const found = new Set<string>();
      const onRoute = ({ method, url }: RouteOptions) => {
        for (const one of [method].flat())
          if (one === 'GET' || one === 'POST') found.add(`${one} ${url}`);
      };
      await (await buildApp({ admin, config, context, onRoute })).close();
      const list = [...found];
      const principal = { id: '', name: 'Walker', roles: ['admin'] };
      const few = list.flatMap((route, index) =>
        oddRequests([route], registry.listFor(principal), principal, {
          seed: seed + index,
          count: oddPerRoute,
        }),
      );
      return {
        routes: list,
        requests: few
          .map((request) => ({ request, place: random() }))
          .sort((a, b) => a.place - b.place)
          .map(({ request }) => request),
      };
    }

    async function comeToRest(): Promise<void> {
      const until = Date.now() + restMs;
      while (Date.now() < until) {
        const { rows } = await db.pages.query<{ id: number; state: string }>(
          `select id, state from ${db.t.task} where finished_at is null`,
        );
        if (rows.length === 0) return;
        for (const { id } of rows.filter(({ state }) => state === 'paused'))
          await visitors[0]?.post(`/tasks/${id}/resumption`);
        await new Promise((done) => setTimeout(done, 100));
      }
    }

    async function findUntold({ pages, t }: Database): Promise<string[]> {
      const differences = await ledgerDifferences(pages, t.change, 10);
      const { rows } = await pages.query<{ text: string }>(
        `select format('task %s was asked to write %s into %s, and wrote %s', claim.task_id, claim.value, claim."column", change.after) as text
         from unnest($1::int[], $2::text[], $3::text[]) as claim(task_id, "column", value) join ${t.change} change using (task_id)
         where change.after ->> claim."column" is distinct from claim.value or change.after - array[claim."column", 'updatedAt'] <> '{}' limit 10`,
        [
          claims.map(({ taskId }) => taskId),
          claims.map(({ column }) => column),
          claims.map(({ value }) => value),
        ],
      );
      return [...differences, ...rows.map(({ text }) => text)].map((text) => `BROKEN: ${text}`);
    }
  } finally {
    for (const undo of undoes.reverse()) await undo();
  }
}

async function prepare(db: Database): Promise<void> {
  await insertPlaces(db, places);
  // Some places refuse some values, so that records are tried out one by one.
  await db.pages.query(
    `alter table gazetteer.city add check (id % 97 <> 0 or notes is null or notes not like '%7'), add check (id % 89 <> 0 or rating <> 4)`,
  );
  await keepLedger(db.pages);
  for (const name of [...people, 'walker']) {
    await createUser(db, { email: `${name}@example.com`, name, password, roles: ['admin'] });
  }
}

/** Everything that whoever is next on one of the pooler's sessions would find there. */
async function findLeft(through: string): Promise<string[]> {
  const left = `
    select 'prepared statement ' || name as text from pg_prepared_statements
    union all select 'setting ' || name || ' ' || setting from pg_settings
      where source = 'session' and name not like 'transaction%' and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
    union all select 'channel ' || channel from pg_listening_channels() channel
    union all select 'cursor ' || name from pg_cursors where is_holdable
    union all select 'temporary table ' || relname from pg_class where relnamespace = pg_my_temp_schema()
    union all select 'lock ' || objid from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'`;
  const clients = Array.from(
    { length: poolSize },
    () => new pg.Client({ connectionString: through }),
  );
  const found: string[] = [];
  try {
    for (const client of clients) {
      await client.connect();
      await client.query('begin');
      const { rows } = await client.query<{ text: string }>(left);
      found.push(
        ...rows.map(({ text }) => `BROKEN: left on a session for whoever is next: ${text}`),
      );
    }
  } finally {
    for (const client of clients) await client.end();
  }
  return found;
}
