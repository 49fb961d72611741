import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import Fastify from 'fastify';
import pg from 'pg';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import { writeEntry } from '../audit/entry.ts';
import { AccountTurns } from '../auth/account-turns.ts';
import { createUser, type NewUser } from '../auth/users.ts';
import { sql } from '../db/sql.ts';
import { transaction } from '../db/transaction.ts';
import { inTurn } from '../db/turns.ts';
import { AppError } from '../errors.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { knownZones, zoneNamed } from '../fields/time-zone.ts';
import { defineResource } from '../index.ts';
import { type LimitName, limits, limitTexts, limitValues } from '../limits.ts';
import { keyOf, whereKeys } from '../metadata/keys.ts';
import { lockCascade } from '../operations/cascade/cascade.ts';
import { consequences } from '../operations/cascade/consequences.ts';
import { findCascade } from '../operations/cascade/dependants.ts';
import { parseAmount } from '../operations/edits/amount.ts';
import { findReplacePattern } from '../operations/edits/find-replace-pattern.ts';
import { parseOwnValues } from '../operations/edits/own-value.ts';
import { round } from '../operations/edits/round.ts';
import { shift } from '../operations/edits/shift.ts';
import { parseText } from '../operations/edits/typed-text.ts';
import { listDeleted, readHistory } from '../operations/journal/history.ts';
import { getOperation } from '../operations/operations.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { countMatching } from '../selection/count.ts';
import { cursorText, parseCursor } from '../selection/cursor.ts';
import { cutText, titleText } from '../selection/cut.ts';
import { parseFilterText } from '../selection/filter.ts';
import { listRecords } from '../selection/list.ts';
import { parsePaging } from '../selection/paging.ts';
import { readRecord } from '../selection/record.ts';
import { relationTarget, searchRelated } from '../selection/related.ts';
import { searchWhere } from '../selection/search.ts';
import { createSelection } from '../selection/selection.ts';
import { parseSort } from '../selection/sort.ts';
import { inlineTurns } from '../tasks/inline-turns.ts';
import { createPreview } from '../tasks/previewing/preview.ts';
import { previewPage } from '../tasks/previewing/preview-page.ts';
import { parseRunOptions } from '../tasks/run-options.ts';
import { runsInline } from '../tasks/runs-inline.ts';
import {
  cookieOf,
  countStatements,
  csrfOf,
  emailOf,
  formBody,
  htmx,
  type TestApp,
  testApp,
  testPassword,
  type Visitor,
} from '../testing/app.ts';
import { ada, launchOn } from '../testing/context.ts';
import { testField } from '../testing/field.ts';
import { launchAs, selectAs } from '../testing/launch-as.ts';
import { insertPlaces } from '../testing/places.ts';
import { overloadOptions } from './plugins/overload.ts';
import { limitAddress, rateLimits } from './plugins/rate-limit.ts';

/**
 * What becomes of so many: null, they are taken; a text, what is said; a number, how many of them
 * are kept or shown.
 */
type Outcome = string | number | null;

type Row =
  /** What becomes of as many as the limit says, and of one more. */
  | { within: Outcome; beyond: Outcome; of(count: number): Outcome | Promise<Outcome> }
  /** Of a time: what was made of it, which is the limit itself. */
  | { set(): number | Promise<number> };

/** Refused with a sentence from one more on. */
const refused = (says: string, of: (count: number) => Outcome | Promise<Outcome>): Row => ({
  within: null,
  beyond: says,
  of,
});
/** As many as the limit says are kept or shown, of however many. */
const bounded = (limit: LimitName, of: (count: number) => number | Promise<number>): Row => ({
  within: limitValues[limit],
  beyond: limitValues[limit],
  of,
});

const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));
const some = (length: number) => 'x'.repeat(length);
const errorIn = (parsed: object) => ('error' in parsed ? String(parsed.error) : null);

async function messageOf(work: () => unknown): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

const listed = testField('String', 'text[]', { isList: true });
const text = testField('String', 'text');
const timestamp = testField('DateTime', 'timestamptz');
const decimal = testField('Decimal', 'numeric');
const given = (values: Record<string, string | string[]>) => (name: string) =>
  [values[name] ?? []].flat();

/** Of filters, without a database. */
const conditions = (count: number) =>
  numbered(count)
    .map((n) => `f${n}=1`)
    .join('&');
const filterTexts: Record<keyof typeof limits.filter, (count: number) => string> = {
  conditions,
  depth: (count) => `${'_1.'.repeat(count)}a=1`,
  values: (count) =>
    numbered(count)
      .map((n) => `a=${n}`)
      .join('&'),
  valueLength: (count) => `a=${some(count)}`,
  length: (count) =>
    `${conditions(10)}&${numbered(20)
      .map((n) => `b${n}=${some(500)}`)
      .join('&')}`
      .slice(0, count)
      .padEnd(count, 'x'),
};
const filterSays: Record<keyof typeof limits.filter, string> = {
  conditions: 'A filter has at most 50 conditions.',
  depth: 'A filter has at most 4 levels of groups.',
  values: 'A condition of a filter has at most 200 values.',
  valueLength: 'A value of a filter has at most 1000 characters.',
  length: 'A filter has at most 8000 characters.',
};
const filterRow = (limit: keyof typeof limits.filter) =>
  refused(filterSays[limit], (count) =>
    messageOf(() => parseFilterText(filterTexts[limit](count))),
  );

/** The sample, whose places run within a request up to a thousand. */
const admin: AdminDefinition = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      columns: ['name', 'tags'],
      search: ['name'],
      bulk: { minAsyncRecords: 1_000 },
    }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
};

interface Site extends TestApp {
  visitor: Visitor;
  port: number;
  cities: Resource;
  field(name: string): ResourceField;
}

async function open(t: TestContext): Promise<Site> {
  const site = await testApp(t, { admin });
  await insertPlaces(site.db, limits.bulk.atomic + 1);
  await site.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = site.app.server.address() as { port: number };
  const cities = site.context.registry.for(ada, 'cities');
  const field = (name: string) => cities.fields.find((one) => one.name === name) as ResourceField;
  return { ...site, visitor: await site.signIn('admin'), port, cities, field };
}

/** Everything that is told on a connection until it ends; null: it is ended without a word. */
async function hearOn(socket: Socket, request: string): Promise<string | null> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece)).on('error', () => undefined);
  socket.write(request);
  await once(socket, 'close');
  return pieces.length === 0 ? null : Buffer.concat(pieces).toString();
}

const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const bodyOf = (heard: string | null) =>
  heard?.slice(heard.indexOf('\r\n\r\n') + 4) ?? 'ended without a word';

/** The last of so many connections asks how the server is. */
async function lastOf(site: Site, count: number): Promise<string | null> {
  const sockets: Socket[] = [];
  for (let one = 0; one < count; one++) {
    const socket = connect(site.port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
  }
  const heard = await hearOn(sockets.at(-1) as Socket, health);
  for (const socket of sockets) socket.destroy();
  await untilNone(site);
  return heard?.startsWith('HTTP/1.1 200') ? null : bodyOf(heard);
}

async function untilNone(site: Site): Promise<void> {
  const { server } = site.app;
  for (;;) {
    const open = await new Promise<number>((done) =>
      server.getConnections((_, count) => done(count)),
    );
    if (open === 0) return;
    await new Promise((done) => setTimeout(done, 10));
  }
}

let addresses = 0;
const address = () => `10.${++addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`;

/** Tries `count` times from one address; what the last is told. */
async function attempts(
  { app }: Site,
  url: string,
  count: number,
  body: (attempt: number) => string,
): Promise<string | null> {
  const remoteAddress = address();
  let last = '';
  for (let attempt = 0; attempt < count; attempt++) {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    const form = await app.inject({ url, remoteAddress });
    const csrf = /name="_csrf" value="([^"]+)"/.exec(form.body)?.[1] ?? '';
    const cookie = form.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const payload = `_csrf=${encodeURIComponent(csrf)}&${body(attempt)}`;
    const answer = await app.inject({
      method: 'POST',
      url,
      remoteAddress,
      headers: { ...headers, cookie },
      payload,
    });
    last = answer.statusCode === 429 ? String(answer.json().message) : '';
  }
  return last || null;
}

/** A door that asks for nothing but how often it was knocked at. */
async function withDoor<T>(
  work: (knock: (remoteAddress: string) => Promise<number>) => Promise<T>,
): Promise<T> {
  const app = Fastify();
  await app.register(rateLimits);
  await app.register(async (door) => {
    door.get('/', { preHandler: limitAddress(door) }, async () => 'come in');
  });
  const result = await work(
    async (remoteAddress) => (await app.inject({ url: '/', remoteAddress })).statusCode,
  );
  await app.close();
  return result;
}

function knocks(count: number): Promise<string | null> {
  return withDoor(async (knock) => {
    let last = 0;
    for (let attempt = 0; attempt < count; attempt++) last = await knock('10.255.0.1');
    return last === 429 ? 'too many' : null;
  });
}

/** Of so many addresses, the first has tried as often as it may: is it known at the end? */
function watchedAddresses(count: number): Promise<string | null> {
  return withDoor(async (knock) => {
    for (let attempt = 0; attempt < limits.signIn.addressAttemptsPerMinute; attempt++)
      await knock('10.255.0.1');
    for (let other = 1; other < count; other++) await knock(address());
    return (await knock('10.255.0.1')) === 429 ? null : 'forgotten';
  });
}

/** Failed attempts for an account, then two at the same moment: how long the second waits. */
function secondWaits(failures: number, at = 0): number {
  const turns = new AccountTurns();
  for (let failed = 0; failed < failures; failed++) turns.failed('ada', 0);
  turns.take('ada', at);
  return turns.take('ada', at) ?? -1;
}

function watched(count: number): number {
  const turns = new AccountTurns();
  for (const account of numbered(count)) turns.failed(account, 0);
  return turns.size;
}

function maxTurn(): number {
  const turns = new AccountTurns();
  for (let failed = 0; failed < limits.signIn.freeAttempts; failed++) turns.failed('ada', 0);
  let max = 0;
  for (let wait = turns.take('ada', 0); wait !== null; wait = turns.take('ada', 0)) max = wait;
  return max;
}

let users = 0;
const makeUser = ({ db }: Site, user: Partial<NewUser>) =>
  messageOf(() =>
    createUser(db, {
      email: `new${++users}@example.test`,
      name: 'New',
      password: testPassword,
      roles: ['viewer'],
      ...user,
    }),
  );

/** Characters that a session keeps of a browser. */
async function keptBrowser({ app, db }: Site, browser: string): Promise<number> {
  const form = await app.inject('/sign-in');
  const { payload, headers } = formBody({
    email: emailOf('viewer'),
    password: testPassword,
    _csrf: csrfOf(form.body),
  });
  const answer = await app.inject({
    method: 'POST',
    url: '/sign-in',
    payload,
    headers: { ...headers, cookie: cookieOf(form), 'user-agent': browser },
  });
  assert.equal(answer.statusCode, 303);
  const { rows: kept } = await db.pages.query<{ length: number }>(
    `select max(length(sess -> 'from' ->> 'browser')) as length from ${db.t.session}`,
  );
  return kept[0]?.length ?? 0;
}

async function people({ db, signIn }: Site, count: number): Promise<number> {
  const { rows: there } = await db.pages.query<{ n: number }>(
    `select count(*)::int as n from ${db.t.user}`,
  );
  await db.pages.query(
    `insert into ${db.t.user} (id, email, name, password_hash, roles)
     select gen_random_uuid(), gen_random_uuid() || '@x.example', 'Some', 'none', '{viewer}' from generate_series(1, $1::int)`,
    [count - (there[0]?.n ?? 0)],
  );
  const { body } = await (await signIn('admin')).get('/tasks/people');
  return body.match(/<tr class="list-row/g)?.length ?? 0;
}

async function sessions({ db, signIn }: Site, count: number): Promise<number> {
  const admin = await signIn('admin');
  const { id } = (await signIn('viewer')).principal;
  await db.pages.query(`delete from ${db.t.session} where sess ->> 'userId' = $1`, [id]);
  await db.pages.query(
    `insert into ${db.t.session} (sid, sess, expire) select gen_random_uuid(), json_build_object('userId', $1::text), now() + interval '1 hour' from generate_series(1, $2::int)`,
    [id, count],
  );
  const { body } = await admin.get(`/tasks/people/${id}`);
  return body.match(/\/sessions\/[\da-f]+\/ending/g)?.length ?? 0;
}

/** The last of so many that wait for one of two connections, both taken. */
async function waitFor(
  t: TestContext,
  { connectionString }: Site,
  count: number,
): Promise<string | null> {
  const { openPool } = await import('../db/pool.ts');
  const pool = openPool({ connectionString, name: 'bulkhead test', max: 2 });
  const taken = [await pool.connect(), await pool.connect()];
  const waiting = numbered(count).map(() =>
    messageOf(async () => (await pool.connect()).release()),
  );
  for (const client of taken) client.release();
  const heard = await Promise.all(waiting);
  await pool.end();
  t.diagnostic(`${heard.filter((one) => one === null).length} of ${count} were given a connection`);
  return heard.at(-1) ?? null;
}

/** The last of so many that wait for a turn, while the only one is taken. */
async function waitInLine(count: number): Promise<string | null> {
  const pool = new pg.Pool({ max: 2 });
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const first = inTurn(pool, () => held);
  const waiting = numbered(count).map(() => messageOf(() => inTurn(pool, async () => undefined)));
  letGo();
  await first;
  return (await Promise.all(waiting)).at(-1) ?? null;
}

/** A form of so many bytes. */
async function sized(
  { app, visitor }: Site,
  url: string,
  bytes: number,
  begun = '',
): Promise<string | null> {
  const head = `_csrf=${encodeURIComponent(visitor.csrf)}&${begun}x=`;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    cookie: visitor.cookie,
    accept: 'application/json',
  };
  const answer = await app.inject({
    method: 'POST',
    url,
    headers,
    remoteAddress: address(),
    payload: `${head}${some(bytes - head.length)}`,
  });
  if (answer.statusCode !== 413) return null;
  return String(answer.headers['content-type']).includes('json')
    ? String(answer.json().message)
    : '413';
}

async function posted(
  { visitor }: Site,
  body: Record<string, string | readonly string[]>,
): Promise<string | null> {
  const heard = new Set<string | null>();
  for (const path of ['/cities/1/edit', '/cities/selection', '/tasks/1/undo']) {
    const answer = await visitor.post(path, body, { accept: 'application/json' });
    heard.add(
      answer.statusCode === 422 && answer.body.includes('too-much')
        ? String(answer.json().message)
        : null,
    );
  }
  return [...heard].join(' | ') || null;
}

async function record(
  { db, context, cities, field }: Site,
  values: Record<string, number>,
  fields = Object.keys(values),
) {
  const columns: Record<string, string> = {
    name: 'name',
    altName: 'alt_name',
    adminCode: 'admin_code',
    notes: 'notes',
  };
  const set = Object.entries(values).map(
    ([name, length]) => `${columns[name]} = repeat('x', ${length})`,
  );
  await db.pages.query(`update gazetteer.city set ${set.join(', ')} where id = 1`);
  return readRecord(
    context.registry,
    cities,
    ada,
    keyOf(cities.model, { id: 1 }),
    fields.map(field),
  );
}

async function links({ db, context, cities, field }: Site, count: number) {
  await db.pages.query(`
    insert into gazetteer.tag (id, name) select n, 'tag ' || n from generate_series(100, 99 + ${count}) n on conflict do nothing;
    delete from gazetteer."_CityToTag"; insert into gazetteer."_CityToTag" select 1, n from generate_series(100, 99 + ${count}) n`);
  return readRecord(context.registry, cities, ada, keyOf(cities.model, { id: 1 }), [field('tags')]);
}

async function linked(site: Site, count: number): Promise<readonly { title?: string }[]> {
  await links(site, count);
  const query = { filter: 'id=1', sort: 'id', page: null, size: 25, after: null, before: null };
  const { records } = await listRecords(site.context.registry, site.cities, ada, query as never);
  const { values } = records[0] as unknown as { values: { tags: { title?: string }[] } };
  return values.tags;
}

/** A table of its own, whose rows go along with a country's places. */
async function cascade({ db, context }: Site, count: number): Promise<string | null> {
  const { model } = context.registry.for(ada, 'countries');
  return transaction(db.pages, async (client) => {
    await client.query(`
      alter table gazetteer.city drop constraint city_country_code_fkey,
        add constraint city_country_code_fkey foreign key (country_code) references gazetteer.country on delete cascade;
      update gazetteer.city set country_code = case when id <= ${count} then 'FRA' else 'ESP' end`);
    const found = await findCascade(client, context.registry, model);
    if (!found.isKept) throw new Error(found.reason);
    const taking = {
      dependants: found.dependants,
      holdersOf: async () => new Map<string, string>(),
    };
    const { isTooMany } = await lockCascade(client, model, taking, [keyOf(model, { code: 'FRA' })]);
    await client.query('rollback; begin');
    return isTooMany ? 'too many' : null;
  });
}

/** A place takes so many along, itself among them. */
async function followed({ db, context, cities }: Site, count: number): Promise<string | null> {
  await db.pages.query(`
    create table gazetteer.visit (city_id int references gazetteer.city on delete cascade);
    create index on gazetteer.visit (city_id); insert into gazetteer.visit select 20 from generate_series(2, ${count})`);
  const where = whereKeys(cities.model, [keyOf(cities.model, { id: 20 })]);
  const { isComplete } = await consequences(db, context.registry, cities, ada, where);
  await db.pages.query('drop table gazetteer.visit');
  return isComplete ? null : 'incomplete';
}

async function selected({ context: { db }, cities }: Site, count: number) {
  const keys = Array.from({ length: count }, (_, index) => keyOf(cities.model, { id: index + 1 }));
  return createSelection(db, ada, cities, { kind: 'ticked', filter: '', keys, exclusions: [] });
}

async function atOnce(site: Site, count: number): Promise<string | null> {
  const resource = { ...site.cities, isAtomic: true };
  const matching = { kind: 'matching', filter: `population-max=${count}` } as const;
  return messageOf(() =>
    launchOn(site.context, resource, matching, 'update', {
      field: 'notes',
      'change.notes': 'set',
      'value.notes': 'x',
    }),
  );
}

async function tasks({ visitor }: Site, count: number): Promise<number> {
  const known = async () =>
    (await visitor.get('/tasks', { accept: 'application/json' })).json() as {
      total: number;
      tasks: unknown[];
    };
  for (let { total } = await known(); total < count; total++)
    await launchAs(visitor, 1, { from: 500 });
  return (await known()).tasks.length;
}

async function entries({ db, visitor }: Site, count: number): Promise<number> {
  for (let n = 0; n < count; n++)
    await writeEntry(db.pages, db, { act: 'signed-in', by: { id: 'many', name: 'Many' } });
  const { body } = await visitor.get('/tasks/audit?person=many', { accept: 'application/json' });
  return JSON.parse(body).entries.length;
}

/** Pieces of a page that are answered of so many. */
async function answered({ visitor }: Site, asked: string, count: number): Promise<number> {
  const query = [asked, ...Array.from({ length: count - 1 }, () => asked.split('&').at(-1))];
  const { body } = await visitor.get(`/tasks/live?${query.join('&')}`, htmx);
  return [...body.matchAll(/data-ended="gone"|id="lock-/g)].length;
}

async function cells({ db, visitor }: Site, count: number): Promise<number> {
  const taskId = await launchAs(visitor, 1, { from: 650 });
  await db.pages.query(`delete from ${db.t.chunk} where task_id = $1`, [taskId]);
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) select $1, n, 'done', array[lpad(n::text, 20, '0')], lpad(n::text, 20, '0'), lpad(n::text, 20, '0') from generate_series(1, $2::int) n`,
    [taskId, count],
  );
  await db.pages.query(`update ${db.t.task} set chunk_count = $2 where id = $1`, [taskId, count]);
  const { body } = await visitor.get(`/tasks/${taskId}`);
  const [, map = ''] = /class="chunk-map"[^>]*>([\s\S]*?)<\/div>/.exec(body) ?? [];
  return map.match(/<a /g)?.length ?? 0;
}

async function failures({ db, visitor }: Site, count: number): Promise<number> {
  const taskId = await launchAs(visitor, 1, { from: 600 });
  await db.pages.query(
    `insert into ${db.t.task_failure} (task_id, chunk, code, message, keys)
     select $1, 0, 'refused', 'no', array_agg(lpad(n::text, 20, '0') order by n) from generate_series(2000, 1999 + $2::int) n`,
    [taskId, count],
  );
  return (await visitor.get(`/tasks/${taskId}/failures`)).body.match(/Place \d+/g)?.length ?? 0;
}

async function undone({ visitor }: Site, count: number): Promise<number> {
  const taskId = await launchAs(visitor, count, {
    from: 700,
    body: { field: 'notes', 'change.notes': 'set', 'value.notes': `n ${count}` },
  });
  return (await visitor.get(`/tasks/${taskId}/undo`)).body.match(/name="key"/g)?.length ?? 0;
}

async function changes({ db, visitor, cities }: Site, count: number): Promise<number> {
  const key = keyOf(cities.model, { id: 900 });
  let { entries } = await readHistory(db, cities, key, null);
  for (let made = entries.length; made < count; made++) {
    await launchAs(visitor, 1, {
      from: 900,
      body: { field: 'notes', 'change.notes': 'set', 'value.notes': `change ${made}` },
    });
  }
  ({ entries } = await readHistory(db, cities, key, null));
  return entries.length;
}

async function deleted({ db, context, cities }: Site, count: number): Promise<number> {
  const there = async () => (await listDeleted(db, cities, ada, null)).records.length;
  const keys = Array.from({ length: count - (await there()) }, (_, index) =>
    keyOf(cities.model, { id: 100 * count + index }),
  );
  await launchOn(context, cities, { keys }, 'delete', { acknowledge: 'yes' });
  return there();
}

async function previewedOf(site: Site, count: number): Promise<number> {
  const { context, cities: resource } = site;
  const { id: selectionId } = await selected(site, count);
  const parameters = getOperation(resource, 'update').parse(resource, {
    field: 'notes',
    'change.notes': 'set',
    'value.notes': 'x',
  });
  const preview = await createPreview(context, {
    resource,
    principal: ada,
    operation: 'update',
    selectionId,
    exclusions: [],
    parameters,
  });
  return (await previewPage(context, { resource, principal: ada, preview, after: null })).records
    .length;
}

async function offered({ db, context, cities, field }: Site, search: string): Promise<number> {
  const target = relationTarget(cities, field('tags'));
  if (!target) throw new Error('tags have no pages');
  return (await searchRelated({ registry: context.registry, sql: db.pages }, target, ada, search))
    .options.length;
}

/** Of so many statements, the first is asked about again. */
async function estimates(
  { db, context: { registry }, cities }: Site,
  count: number,
): Promise<string | null> {
  const ask = (number: number) =>
    countMatching(
      registry.client,
      cities,
      sql`select id from gazetteer.city where id = ${number}::int`,
    );
  const from = count * 100_000;
  for (let one = 0; one < count; one++) await ask(from + one);
  const { statements } = await countStatements(db, () => ask(from));
  return statements.some((statement) => statement.startsWith('explain')) ? 'forgotten' : null;
}

/** Offsets are zones too, and there are more of them than are remembered. */
function zones(count: number): number {
  let max = 0;
  for (let one = 0; one < limits.remembered.zones + count; one++) {
    const sign = one % 2 ? '+' : '-';
    const minutes = Math.floor(one / 2);
    const padded = (part: number) => String(part).padStart(2, '0');
    assert.ok(zoneNamed(`${sign}${padded(Math.floor(minutes / 60) % 24)}:${padded(minutes % 60)}`));
    max = Math.max(max, knownZones());
  }
  return max;
}

function rows(t: TestContext, site: Site): Record<LimitName, Row> {
  const { cities, context, app } = site;
  const { registry } = context;
  const json = testField('Json', 'jsonb');
  const sortable = [
    'id',
    'name',
    'altName',
    'featureCode',
    'adminCode',
    'population',
    'latitude',
    'longitude',
    'status',
  ];
  return {
    'server.connections': refused(limitTexts.connections, (count) => lastOf(site, count)),
    'server.connectionsAnswered': {
      within: limitTexts.connections,
      beyond: 'ended without a word',
      of: (count) => lastOf(site, limits.server.connections + count),
    },
    'server.headerBytes': refused(limitTexts.headers, async (count) => {
      const lines = ['GET /healthz HTTP/1.1', 'Host: x', 'Connection: close'];
      const bytes = '/healthz'.length + 'Hostx'.length + 'Connectionclose'.length + 'Y'.length;
      const heard = await hearOn(
        connect(site.port, '127.0.0.1'),
        `${[...lines, `Y: ${some(count - bytes)}`, '', ''].join('\r\n')}`,
      );
      return heard?.startsWith('HTTP/1.1 200') ? null : bodyOf(heard);
    }),
    'server.addressLength': refused(limitTexts.address, async (count) => {
      const answer = await site.visitor.get('/cities?_back='.padEnd(count, 'x'), {
        accept: 'application/json',
      });
      return answer.statusCode === 414 ? String(answer.json().message) : null;
    }),
    'server.silentMs': { set: () => Math.max(app.server.timeout, app.server.requestTimeout) },
    'server.loopDelayMs': { set: () => overloadOptions.maxEventLoopDelay },
    'waiting.forConnection': refused(limitTexts.waiting, (count) => waitFor(t, site, count)),
    'waiting.forConnectionMs': { set: () => site.db.pages.options.connectionTimeoutMillis ?? 0 },
    'waiting.forLock': refused(limitTexts.held, waitInLine),
    // Less what it has waited for its turn, which is next to nothing.
    'waiting.forLockMs': {
      set: () => inTurn(new pg.Pool({ max: 2 }), async (ms) => Math.ceil(ms / 500) * 500),
    },
    'waiting.forInlineMs': { set: () => inlineTurns(site.context).waitMs },
    'signIn.attemptsPerMinute': refused(
      'Too many attempts. Wait a minute, then try again.',
      (count) =>
        attempts(
          site,
          '/sign-in',
          count,
          () => `email=tried${count}%40example.test&password=wrong`,
        ),
    ),
    'signIn.addressAttemptsPerMinute': refused('too many', knocks),
    'signIn.watchedAddresses': refused('forgotten', watchedAddresses),
    'signIn.freeAttempts': refused('waits', (count) =>
      secondWaits(count - 1) === 0 ? null : 'waits',
    ),
    'signIn.attemptEveryMs': { set: () => secondWaits(limits.signIn.freeAttempts) },
    'signIn.maxTurnMs': { set: maxTurn },
    'signIn.failuresKeptMs': refused('forgotten', (count) =>
      secondWaits(limits.signIn.freeAttempts, count - 1) === 0 ? 'forgotten' : null,
    ),
    'signIn.watchedAccounts': bounded('signIn.watchedAccounts', watched),
    'signIn.emailLength': refused('This is not an email address.', (count) =>
      makeUser(site, { email: `${some(count - 4)}@x.y` }),
    ),
    'signIn.nameLength': refused(limitTexts.name, (count) => makeUser(site, { name: some(count) })),
    'signIn.passwordLength': refused(limitTexts.password, (count) =>
      makeUser(site, { password: some(count) }),
    ),
    'signIn.claimsLength': refused(limitTexts.claims, (count) =>
      makeUser(site, { claims: { note: some(count - '{"note":""}'.length) } }),
    ),
    'signIn.browserLength': bounded('signIn.browserLength', (count) =>
      keptBrowser(site, some(count)),
    ),
    'form.bytes': refused(
      'What you sent is larger than 1 MB, which is the most that a form can hold. Nothing was done. Go back: what you typed is still there, to be made shorter.',
      (count) => sized(site, '/cities/selection', count),
    ),
    'form.textBytes': refused('413', async (count) => {
      const answer = await site.visitor.post('/cities/2/edit/notes', { notes: some(count) });
      return answer.statusCode === 303 ? null : String(answer.statusCode);
    }),
    'form.textFormBytes': refused(
      'What you sent is larger than 1 MB, which is the most that a form can hold. Nothing was done. Go back: what you typed is still there, to be made shorter.',
      (count) =>
        sized(site, '/cities/2/edit/notes', count, `notes=${'%61'.repeat(limits.form.textBytes)}&`),
    ),
    'form.sealedBytes': refused(
      'What you sent is larger than 1 MB, which is the most that a form can hold. Nothing was done. Go back: what you typed is still there, to be made shorter.',
      (count) => sized(site, '/sign-in', count),
    ),
    // The token is a field too.
    'form.fields': refused(limitTexts.formFields, (count) =>
      posted(site, Object.fromEntries(numbered(count - 1).map((name) => [`junk${name}`, name]))),
    ),
    'form.values': refused(limitTexts.values('tags'), (count) =>
      posted(site, { tags: numbered(count) }),
    ),
    'form.listValues': refused(limitTexts.listValues('Value'), (count) =>
      errorIn(getFieldKind(listed).parse(numbered(count).join('\n'), listed)),
    ),
    'form.jsonLevels': refused(limitTexts.jsonLevels('Value'), (count) =>
      errorIn(getFieldKind(json).parse(`${'['.repeat(count)}"[[[\\"["${']'.repeat(count)}`, json)),
    ),
    'filter.conditions': filterRow('conditions'),
    'filter.depth': filterRow('depth'),
    'filter.values': filterRow('values'),
    'filter.valueLength': filterRow('valueLength'),
    'filter.length': filterRow('length'),
    'list.rows': refused('A page has 25, 50, 100 records.', (count) =>
      messageOf(() => parsePaging({ _size: String(count) })),
    ),
    'list.sortColumns': refused(limitTexts.sorts, (count) =>
      messageOf(() => parseSort(registry, cities, ada, sortable.slice(0, count).join(','))),
    ),
    'list.searchWords': bounded('list.searchWords', (count) => {
      const { AND } = searchWhere(cities, numbered(count).join(' ')) as {
        AND: [{ AND: unknown[] }] & unknown[];
      };
      return AND.length;
    }),
    'list.pickerLength': {
      within: 1,
      beyond: 0,
      async of(count) {
        await site.db.pages.query('insert into gazetteer.tag (name) values ($1)', [some(count)]);
        return offered(site, some(count));
      },
    },
    'list.cursorLength': refused(
      'The place in the list that _after names cannot be one of this order.',
      (count) => messageOf(() => parseCursor(cursorText([some(count)]), [false], '_after')),
    ),
    'bulk.ticked': refused(limitTexts.ticked, (count) => messageOf(() => selected(site, count))),
    'bulk.inline': refused(limitTexts.inline('Cities'), (count) => {
      const within = { ...cities, hasBackground: false, runsInBackground: () => false };
      return messageOf(() =>
        runsInline(
          within,
          { count, cascadeCount: 0, kind: 'ticked', operation: 'update' },
          { principal: ada, backend: 'inline' },
        ),
      );
    }),
    'bulk.atomic': refused(limitTexts.atomic('Cities'), (count) => atOnce(site, count)),
    'bulk.values': refused(limitTexts.bulkValues('Value'), (count) =>
      errorIn(parseOwnValues(given({ value: numbered(count) }), listed, cities)),
    ),
    'bulk.textLength': refused(limitTexts.bulkText('Value'), (count) =>
      errorIn(parseText(given({ with: some(count) }), 'with', text, 'a text')),
    ),
    'bulk.expressionLength': refused(limitTexts.expression('Value'), (count) =>
      errorIn(findReplacePattern.parse(given({ find: some(count) }), text, cities)),
    ),
    'bulk.numberLength': refused(
      'An amount for Value must be a number such as 10 or -2.5.',
      (count) =>
        errorIn(parseAmount(given({ value: '1'.repeat(count) }), 'value', decimal, 'an amount')),
    ),
    'bulk.shift': refused(
      'Value can be shifted by a whole number from -100,000 to 100,000.',
      (count) =>
        errorIn(shift.parse(given({ value: String(-count), unit: 'days' }), timestamp, cities)),
    ),
    'bulk.decimalPlaces': refused(
      'Decimal places for Value must be a whole number from -15 to 15.',
      (count) => errorIn(round.parse(given({ places: String(-count) }), decimal, cities)),
    ),
    'bulk.reasonLength': refused(limitTexts.reason, (count) =>
      messageOf(() => parseRunOptions({ reason: some(count) })),
    ),
    'record.valueBytes': refused('cut', async (count) =>
      (await record(site, { notes: count })).long.has('notes') ? 'cut' : null,
    ),
    'record.valuesBytes': refused('cut', async (count) => {
      const max = limits.record.valueBytes;
      // The country's key has three letters.
      const notes = count - 3 * max - 3;
      const { long } = await record(site, { name: max, altName: max, adminCode: max, notes }, [
        'name',
        'altName',
        'adminCode',
        'notes',
        'country',
      ]);
      return long.size > 0 ? 'cut' : null;
    }),
    'record.links': bounded('record.links', async (count) => {
      const { values, overfull } = await links(site, count);
      assert.deepEqual(overfull, count > limits.record.links ? ['tags'] : []);
      return (values.tags as unknown[]).length;
    }),
    'record.cascade': refused('too many', (count) => cascade(site, count)),
    'record.followed': refused('incomplete', (count) => followed(site, count)),
    'shown.cellLength': bounded(
      'shown.cellLength',
      (count) => cutText(some(count), limits.shown.cellLength).replace('…', '').length,
    ),
    'shown.titleLength': bounded(
      'shown.titleLength',
      (count) => titleText(some(count)).replace('…', '').length,
    ),
    'shown.cellLinks': bounded(
      'shown.cellLinks',
      async (count) => (await linked(site, count)).filter(({ title }) => title !== '…').length,
    ),
    'shown.tasks': bounded('shown.tasks', (count) => tasks(site, count)),
    'shown.entries': bounded('shown.entries', (count) => entries(site, count)),
    'shown.people': bounded('shown.people', (count) => people(site, count)),
    'shown.sessions': bounded('shown.sessions', (count) => sessions(site, count)),
    'shown.chunks': bounded('shown.chunks', (count) => cells(site, count)),
    'shown.failures': bounded('shown.failures', (count) => failures(site, count)),
    'shown.undone': bounded('shown.undone', (count) => undone(site, count)),
    'shown.changes': bounded('shown.changes', (count) => changes(site, count)),
    'shown.deleted': bounded('shown.deleted', (count) => deleted(site, count)),
    'shown.previewed': bounded('shown.previewed', (count) => previewedOf(site, count)),
    'shown.offered': bounded('shown.offered', async (count) => {
      await links(site, count);
      return offered(site, 'tag ');
    }),
    'live.bars': bounded('live.bars', (count) => answered(site, 'bar=1000000', count)),
    'live.rows': bounded('live.rows', (count) =>
      answered(site, `records=cities&row=1.${'1'.padStart(20, '0')}`, count),
    ),
    'remembered.zones': bounded('remembered.zones', zones),
    'remembered.estimates': refused('forgotten', (count) => estimates(site, count)),
  };
}

test('each limit holds for as much as may be, and for one more', async (t) => {
  const site = await open(t);
  const table = rows(t, site);
  await t.test('each has a row', () =>
    assert.deepEqual(Object.keys(table).sort(), Object.keys(limitValues).sort()),
  );
  for (const [name, row] of Object.entries(table)) {
    const limit = limitValues[name as LimitName];
    await t.test(`${name}: ${limit}`, async () => {
      if ('set' in row) assert.equal(await row.set(), limit);
      else
        assert.deepEqual([await row.of(limit), await row.of(limit + 1)], [row.within, row.beyond]);
    });
  }
});

test('an address that is too long is told so, on a page and over the network, whoever asks', async (t) => {
  const { app, port, visitor } = await open(t);
  const sort = `/cities?_sort=${some(60_000)}`;
  for (const cookie of ['', visitor.cookie]) {
    const page = await app.inject({ url: sort, headers: { cookie } });
    assert.deepEqual([page.statusCode, page.body.includes('</html>')], [414, true]);
    assert.ok(page.body.includes(limitTexts.address));
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}${sort}`)).status, 414);
  const heard = await hearOn(
    connect(port, '127.0.0.1'),
    `GET /cities?_sort=${some(2_000_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  );
  assert.match(String(heard), /^HTTP\/1\.1 431 /);
  assert.equal(bodyOf(heard), limitTexts.headers);
});

test('the longest filter is asked for by a script from a page with the longest address', async (t) => {
  const { port, visitor } = await open(t);
  const filter = filterTexts
    .length(limits.filter.length)
    .replaceAll(/[bf]\d+/g, (name) => `notes-contains${name.length}`);
  const url = `http://127.0.0.1:${port}/cities?${filter.slice(0, limits.filter.length)}`;
  const headers = {
    cookie: visitor.cookie,
    referer: url,
    'hx-current-url': url.padEnd(limits.server.addressLength, 'x'),
  };
  const answer = await fetch(url, { headers });
  assert.ok([200, 422].includes(answer.status), String(answer.status));
  await answer.text();
});

test('a body that is too large for anything is told so and not cut off', async (t) => {
  const { port, visitor } = await open(t);
  for (const path of ['/cities/selection', '/cities/1/edit', '/cities/1/edit/notes']) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { cookie: visitor.cookie, 'content-type': 'application/x-www-form-urlencoded' },
      body: `_csrf=${encodeURIComponent(visitor.csrf)}&x=${some(limits.form.textFormBytes)}`,
    });
    assert.equal(answer.status, 413, path);
    assert.match(await answer.text(), /larger than 1 MB/);
  }
});

test('ticks beyond the limit are told apart from what is no record', async (t) => {
  const { visitor } = await open(t);
  const half = limits.bulk.ticked / 2;
  const id = await selectAs(visitor, half);
  const tick = (from: number, count: number) =>
    visitor.post(
      '/cities/selection',
      {
        _do: 'add',
        _s: id,
        key: Array.from({ length: count }, (_, index) => String(from + index).padStart(20, '0')),
      },
      { accept: 'application/json' },
    );
  assert.equal((await tick(half + 1, half)).statusCode, 303);
  const more = await tick(limits.bulk.ticked + 1, 1);
  assert.deepEqual([more.statusCode, more.json().message], [422, limitTexts.ticked]);
});

test('a zone is one zone, however it is spelt', () => {
  const before = knownZones();
  for (let n = 0; n < 2 ** 12; n++) {
    const spelt = [...'europe/madrid']
      .map((letter, at) => ((n >> at) & 1 ? letter.toUpperCase() : letter))
      .join('');
    assert.equal(zoneNamed(spelt), 'Europe/Madrid');
  }
  assert.ok(knownZones() <= before + 1);
  for (const none of ['', 'Nowhere', 'Europe/', 'x'.repeat(65)])
    assert.equal(zoneNamed(none), null);
});

test('a connection that says nothing, or goes on for ever, is ended', async (t) => {
  const { app, port } = await open(t);
  // The same server, with less patience.
  app.server.setTimeout(200);
  const silent = connect(port, '127.0.0.1');
  await new Promise<void>((done) =>
    silent
      .on('close', () => done())
      .on('error', () => undefined)
      .resume(),
  );
});
