import type { TestContext } from 'node:test';
import type { LightMyRequestResponse, RouteOptions } from 'fastify';
import pg from 'pg';
import type { AdminDefinition } from '../admin-definition.ts';
import { buildApp } from '../app.ts';
import type { Role } from '../auth/users.ts';
import { query, raw, sql } from '../db/sql.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keyCondition } from '../metadata/key-sql.ts';
import { keyOf, keyToUrl, whereKeys } from '../metadata/keys.ts';
import { actions } from '../resources/actions.ts';
import type { Where } from '../resources/client.ts';
import type { Resource } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { markGenerated } from '../resources/generated-columns.ts';
import { cancel } from '../tasks/control/cancel.ts';
import { formBody, testApp } from './app.ts';
import type { Content, TestDatabase, TestDatabaseOptions } from './database.ts';
import type { DrawnCauses } from './drawn-causes.ts';
import { openAsKeeper } from './keeper.ts';
import { keptLog } from './kept-log.ts';
import { encode, marks, type OddRequest, oddRequests } from './odd-requests.ts';
import { seededRandom } from './random.ts';
import { type OddSchema, type WritesSeen, type WriteWatch, watchWrites } from './watch-writes.ts';

export interface FuzzOptions extends Pick<TestDatabaseOptions, 'pagesPoolSize' | 'through'> {
  /** Told in the command that sends one request again. */
  name: string;
  admin: AdminDefinition;
  content: Content;
  seed: number;
  count: number;
  /** Only the request of this number. */
  only?: number;
  fill?: (database: Pick<TestDatabase, 'db'>) => Promise<void>;
  /**
   * Makes tables odd, after they were filled, and says which. Without it nothing is put in the way
   * of writes.
   */
  odd?: OddSchema & { sql: string; schemas: readonly string[] };
  onProgress?: (sent: number) => void;
}

export interface FuzzResult {
  sent: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  routes: number;
  /** What the database did besides, how many requests wrote, and how many did not because of it. */
  drawn: DrawnCauses | null;
  wrote: number;
  kept: number;
  failures: string[];
}

const role: Role = 'admin';

/**
 * Sends odd requests to every GET and POST route, as somebody who may do everything with all
 * records but one of each model. No answer may be a 5xx, show how the program is made, or hold what
 * it was sent unescaped; the records outside the scope must be as they were; and what an answer
 * says was written, and nothing else, must stand in the table.
 */
export async function fuzz(
  t: Pick<TestContext, 'after'>,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const scopes = new Map<string, Where>();
  let admin = held(options.admin, scopes);
  const { content, pagesPoolSize, through, odd } = options;
  let watch: WriteWatch | null = null;
  const prepare = async (database: TestDatabase) => {
    await options.fill?.(database);
    if (!odd) return database.db;
    const own = new pg.Client({ connectionString: database.connectionString });
    await own.connect();
    database.defer(() => own.end());
    await own.query(odd.sql);
    // As a start does: what only the database knows of its columns.
    admin = { ...admin, resources: await markGenerated(admin.resources, database.db.pages) };
    watch = await watchWrites(own, options.seed, odd);
    return (await openAsKeeper(database, odd.schemas)).db;
  };
  const testing = await testApp(t, {
    admin: async () => admin,
    content,
    prepare,
    ...(pagesPoolSize ? { pagesPoolSize } : {}),
    ...(through ? { through } : {}),
  });
  const { db, context, config } = testing;
  const { registry } = context;
  const logged: string[] = [];
  const routes = new Set<string>();
  const app = await buildApp({
    admin,
    config,
    context: { ...context, log: keptLog('error', logged) },
    onRoute: ({ method, url }: RouteOptions) => {
      for (const one of [method].flat())
        if (one === 'GET' || one === 'POST') routes.add(`${one} ${url}`);
    },
  });
  t.after(() => app.close());

  const { hidden, visible } = await chooseRecords(registry.list);
  const before = await checksum();
  const visitor = await testing.signIn(role);
  // Whoever signs out a thousand times is let in again without the password.
  const sessions = await db.pages.query<{ row: string }>(
    `select to_jsonb(session)::text as row from ${db.t.session} session`,
  );
  // The preview that was made last, of each resource: what a confirmation names.
  const previews = new Map<string, string>();
  const requests = oddRequests(
    [...routes],
    registry.listFor(visitor.principal),
    visitor.principal,
    options,
  );
  const failures: string[] = [];
  const statuses: Record<string, number> = {};
  let lastTask = 0;
  let number = 0;
  const chosen = options.only === undefined ? [...requests.keys()] : [options.only];
  for (const index of chosen) {
    const request = requests[index] as OddRequest;
    logged.length = 0;
    number = index;
    let wrong: string | null;
    const slug = request.path.split('/')[1] ?? '';
    try {
      const seen = request.method === 'POST' ? await beginWatch(index, slug) : null;
      const answer = await send(request);
      const untold = await seen?.(await writtenBy(answer));
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
      wrong = whatIsWrong(answer) ?? untold ?? null;
      const made =
        /name="_op" value="([^"]+)"/.exec(answer.body)?.[1] ??
        /\/previews\/([0-9a-f-]{36})/.exec(String(answer.headers.location))?.[1];
      if (made) previews.set(slug, made);
      if (/^POST .*(delete|previews)/.test(request.route)) await chooseVisible(slug);
      if (request.route === 'POST /sign-out' || answer.statusCode === 401) await signInAgain();
    } catch (error) {
      wrong = `sending threw ${error instanceof Error ? error.stack : error}`;
    }
    if (wrong) failures.push(inWords(index, request, wrong));
    if (index % 500 === 499) options.onProgress?.(index + 1);
  }
  const after = await checksum();
  for (const [slug, sum] of before)
    if (after.get(slug) !== sum)
      failures.push(`seed ${options.seed}: the record of ${slug} outside the scope was written`);
  const { drawn = null, wrote = 0, kept = 0 } = (watch as WriteWatch | null) ?? {};
  return { sent: chosen.length, statuses, routes: routes.size, drawn, wrote, kept, failures };

  /** Something may be put in the way of the record that the request is about. */
  async function beginWatch(index: number, slug: string) {
    const model = registry.list.find((one) => one.slug === slug)?.model;
    if (!watch || !model || model.isView || model.idFields.length === 0) return null;
    await chooseVisible(slug, seededRandom(options.seed + index));
    return watch.begin(index, model, visible.get(slug)?.ids ?? null);
  }

  /** Nobody works through a task that waits for a worker, so it is called off. */
  async function writtenBy({ statusCode: status }: LightMyRequestResponse): Promise<WritesSeen> {
    const { rows } = await db.pages.query<{
      id: number;
      operation: string;
      changed: number;
      isOver: boolean;
    }>(
      `select id, operation, changed, finished_at is not null as "isOver" from ${db.t.task} where id > $1 order by id`,
      [lastTask],
    );
    lastTask = rows.at(-1)?.id ?? lastTask;
    for (const { id, isOver } of rows) if (!isOver) await cancel(context, visitor.principal, id);
    return { status, tasks: rows.filter(({ isOver }) => isOver) };
  }

  async function send({
    method,
    route,
    path,
    query,
    body,
    raw,
    headers,
  }: OddRequest): Promise<LightMyRequestResponse> {
    const slug = path.split('/')[1] ?? '';
    const ids = visible.get(slug);
    const selection = /\{selection\}/.test(JSON.stringify([query, body]))
      ? await selectionOf(slug)
      : '';
    const put = (text: string) =>
      text
        .replaceAll('{selection}', selection)
        .replaceAll('{operation}', previews.get(slug) ?? '')
        .replaceAll('{task}', '1')
        .replaceAll('{number}', String(number))
        .replaceAll(
          '{field}',
          registry.list.find((one) => one.slug === slug)?.bulkFields[0]?.name ?? 'name',
        )
        .replaceAll('{hidden}', encode(hidden.get(slug)?.url ?? '1'))
        .replaceAll('{key}', ids?.key ?? '1');
    const fill = (text: string) => put(text).replaceAll('{id}', ids?.url ?? '1');
    const search = query
      .map(([name, value]) => `${encode(fill(name))}=${encode(fill(value))}`)
      .join('&');
    const url = `${put(path).replaceAll('{id}', encode(ids?.url ?? '1'))}${search === '' ? '' : `?${search}`}`;
    const given = { cookie: visitor.cookie, ...safe(headers) };
    if (method === 'GET') return app.inject({ method, url, headers: given });
    if (raw && route !== 'POST /sign-out') {
      const type: Record<string, string> = raw.type === '' ? {} : { 'content-type': raw.type };
      return app.inject({
        method,
        url,
        headers: { ...given, ...type, 'x-csrf-token': visitor.csrf },
        payload: raw.text,
      });
    }
    const pairs = [
      ...(body ?? []),
      ...(body?.some(([name]) => name === '_csrf') ? [] : [['_csrf', visitor.csrf] as const]),
    ];
    const payload = pairs
      .map(([name, value]) => `${encode(fill(name))}=${encode(fill(value))}`)
      .join('&');
    return app.inject({ method, url, headers: { ...given, ...formBody({}).headers }, payload });
  }

  async function signInAgain(): Promise<void> {
    await db.pages.query(
      `insert into ${db.t.session} select (jsonb_populate_record(null::${db.t.session}, row::jsonb)).* from unnest($1::text[]) row on conflict do nothing`,
      [sessions.rows.map(({ row }) => row)],
    );
  }

  function whatIsWrong({ statusCode, body, headers }: LightMyRequestResponse): string | null {
    if (statusCode >= 500)
      return `answered ${statusCode}: ${whyOf(logged[0]) ?? body.slice(0, 500)}`;
    const leak =
      /\n\s+at .+:\d+:\d+|node_modules|\.ts:\d+|PrismaClient|Invalid `|\b(select|insert into|update|delete from) (.|\n){0,200}\b(from|where|set|values)\b.*"\w+"\."\w+"|syntax error at|SQLSTATE/i.exec(
        body,
      );
    if (leak) return `shows how it is made: ${around(body, leak.index)}`;
    if (String(headers['content-type']).includes('html') && body.includes(marks.html))
      return `is not escaped: ${around(body, body.indexOf(marks.html))}`;
    if (marks.header in headers) return 'a header was injected';
    const { location } = headers;
    if (typeof location === 'string' && !/^\/(?![/\\])/.test(location))
      return `redirects to ${location}`;
    return null;
  }

  function inWords(index: number, request: OddRequest, wrong: string): string {
    const again = `npm run fuzz -- --schema ${options.name} --seed ${options.seed} --only ${index}`;
    return `seed ${options.seed}, request ${index}: ${wrong}\n${JSON.stringify(request).slice(0, 3_000)}\nAgain: ${again}`;
  }

  async function selectionOf(slug: string): Promise<string> {
    const keys = [visible.get(slug)?.key, hidden.get(slug)?.key].filter((key) => key !== undefined);
    const { rows } = await db.pages.query<{ id: string }>(
      `insert into ${db.t.selection} (id, owner_id, resource, kind, filter, keys, exclusions)
       values (gen_random_uuid(), $1, $2, 'ticked', '', $3, '{}') returning id`,
      [visitor.principal.id, slug, keys.sort()],
    );
    return rows[0]?.id ?? '';
  }

  /** Of each model the first record is put outside the scope, unless it goes with another by the database's own rules. */
  async function chooseRecords(resources: readonly Resource[]) {
    const chosen = { hidden: new Map<string, Chosen>(), visible: new Map<string, Chosen>() };
    for (const { slug, model } of resources) {
      if (model.idFields.length === 0) continue;
      const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
      const rows = await delegateOf(registry.client, model).findMany({ select, take: 2 });
      const [first, second] = rows.map((row) => chosenOf(model, row));
      if (
        first &&
        second &&
        !Object.values(model.fields).some(({ relation }) => relation?.kind === 'to-one')
      ) {
        chosen.hidden.set(slug, first);
        scopes.set(model.name, { NOT: whereKeys(model, [first.key]) });
      }
      const seen = chosen.hidden.has(slug) ? second : first;
      if (seen) chosen.visible.set(slug, seen);
    }
    return chosen;
  }

  /** Another, should it have been deleted, or any. */
  async function chooseVisible(slug: string, random: () => number = () => 0): Promise<void> {
    const model = registry.list.find((one) => one.slug === slug)?.model;
    if (!model || model.idFields.length === 0) return;
    const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
    const rows = await delegateOf(registry.client, model).findMany({
      where: scopes.get(model.name) ?? {},
      select,
      take: 50,
    });
    const row = rows[Math.floor(random() * rows.length)];
    if (row) visible.set(slug, chosenOf(model, row));
  }

  async function checksum(): Promise<Map<string, string>> {
    const sums = new Map<string, string>();
    for (const [slug, { key }] of hidden) {
      const { model } = registry.get(slug);
      // A view shows rows of tables whose own scope says who may write them.
      if (!model.isView) sums.set(slug, await rowOf(model, key));
    }
    return sums;
  }

  async function rowOf(model: ModelMeta, key: string): Promise<string> {
    const { rows } = await query<{ row: string }>(
      db.pages,
      sql`select t::text as row from ${raw(model.table)} t where ${keyCondition(model, 't', [key])}`,
    );
    return rows[0]?.row ?? 'gone';
  }
}

interface Chosen {
  key: string;
  url: string;
  /** Its ids, joined by slashes. */
  ids: string;
}

function chosenOf(model: ModelMeta, row: Record<string, unknown>): Chosen {
  const key = keyOf(model, row);
  return {
    key,
    url: keyToUrl(model, key),
    ids: model.idFields.map((name) => String(row[name])).join('/'),
  };
}

/** The same admin, all its resources open to everything within the scopes. */
function held(admin: AdminDefinition, scopes: ReadonlyMap<string, Where>): AdminDefinition {
  const resources = admin.resources.map((definition) => ({
    ...definition,
    options: {
      ...definition.options,
      permissions: () => actions,
      scope: () => scopes.get(definition.model) ?? {},
    },
  }));
  return { ...admin, resources };
}

// What a client library would refuse to send at all is for the test over sockets.
function safe(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([, value]) => /^[\t\x20-\x7e]*$/.test(value)),
  );
}

/** What the log says was thrown, and where. */
function whyOf(line: string | undefined): string | null {
  if (!line) return null;
  const { error = line } = JSON.parse(line) as { error?: string };
  const [words = '', ...frames] = error.split('\n');
  const places = frames.filter((place) => place.includes('/src/'));
  return `${words.slice(0, 600)}\n${places.slice(0, 6).join('\n')}`;
}

function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - 150), at + 150).replaceAll('\n', ' ');
}
