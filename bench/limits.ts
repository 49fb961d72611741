import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { metadata } from '../generated/sample-metadata/metadata.ts';
import sample from '../src/admin.ts';
import type { AdminDefinition } from '../src/admin-definition.ts';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { parseConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import { defineResource } from '../src/index.ts';
import { limits } from '../src/limits.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { finished, testContext } from '../src/testing/context.ts';
import { formOf } from '../src/testing/html-form.ts';
import { launchAs, selectAs } from '../src/testing/launch-as.ts';
import { type Answer, type NetworkVisitor, signInOver } from '../src/testing/network-visitor.ts';
import { insertPlaces } from '../src/testing/places.ts';
import { tortureAdmin } from '../src/testing/torture.ts';
import { fillTorture } from '../src/testing/torture-database.ts';
import { onOwnServer } from './own-server.ts';
import { type Measured, median } from './table.ts';

const password = 'a password of the bench';
const config = parseConfig({
  BULKHEAD_SESSION_SECRET: 'a secret of the bench that is long enough',
  BULKHEAD_LOG_LEVEL: 'silent',
});
const megabytes = 1024 * 1024;

/** The sample, whose list shows its notes, and all records of which run within a request. */
const wide: AdminDefinition = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      columns: ['name', 'country', 'population', 'notes', 'tags'],
    }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
};

interface Case {
  name: string;
  /** What has to be so before each time. */
  before?: () => Promise<unknown>;
  ask: (round: number) => Promise<Answer>;
  /** Statuses of which the answer is one. */
  expected: readonly number[];
}

/**
 * The dearest of what the limits allow, each asked for over the network `pairs` times: milliseconds
 * until it is answered, bytes of the answer, and the longest that the server's event loop stood
 * still meanwhile. Beside them an ordinary page of a list.
 */
export function limitsBench({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onOwnServer({}, async ({ connectionString }) => {
    const places = await openSite(connectionString, wide, async (url, db) => {
      await migrateAll(url, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, sample);
      await insertPlaces(await db(), rows);
    });
    const torture = await openSite(
      await ownDatabase(connectionString, 'torture'),
      tortureAdmin,
      async (url) => {
        await fillTorture(url);
        await migrateAll(url, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, {});
      },
    );
    const worker = await startWorker(testContext(places.db, {}, {}, wide), {
      connectionString,
      concurrency: 1,
    });
    const measured: Measured[] = [];
    for (const one of [
      ...(await casesOfPlaces(places, pairs + 1)),
      ...(await casesOfLists(torture)),
    ]) {
      measured.push(await measure(one, pairs));
    }
    await worker.stop();
    for (const { close } of [places, torture]) await close();
    return measured;
  });
}

interface Site {
  db: Database;
  visitor: NetworkVisitor;
  close(): Promise<void>;
}

async function openSite(
  connectionString: string,
  admin: AdminDefinition,
  fill: (connectionString: string, open: () => Promise<Database>) => Promise<void>,
): Promise<Site> {
  let opened: Database | null = null;
  const open = async () => (opened ??= await openDatabase({ connectionString }));
  await fill(connectionString, open);
  const db = await open();
  const app = await buildApp({ admin, config, context: testContext(db, {}, {}, admin) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  await createUser(db, { email: 'bench@example.test', name: 'Bench', password, roles: ['admin'] });
  const { port } = app.server.address() as AddressInfo;
  return {
    db,
    visitor: await signInOver(`http://127.0.0.1:${port}`, 'bench@example.test', password),
    async close() {
      await app.close();
      await db.close();
    },
  };
}

async function ownDatabase(connectionString: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(connectionString);
  url.pathname = `/${name}`;
  return url.href;
}

async function measure({ name, before, ask, expected }: Case, rounds: number): Promise<Measured> {
  const times: number[] = [];
  let [longestBlockMs, bytes, status] = [0, 0, 0];
  // The first time warms up.
  for (let round = 0; round <= rounds; round++) {
    await before?.();
    await wait(50);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    const answer = await ask(round);
    const ms = performance.now() - start;
    await wait(10);
    delay.disable();
    if (!expected.includes(answer.statusCode))
      throw new Error(`${name} was answered ${answer.statusCode}: ${answer.body.slice(0, 500)}`);
    if (round === 0) continue;
    times.push(ms);
    [bytes, status] = [Buffer.byteLength(answer.body), answer.statusCode];
    longestBlockMs = Math.max(longestBlockMs, delay.max / 1e6);
  }
  return {
    case: name,
    status,
    ms: median(times),
    msMax: Math.max(...times),
    bytes,
    longestBlockMs,
  };
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const places = (count: number) => numbered(count).map((id) => String(id).padStart(20, '0'));

async function casesOfPlaces({ db, visitor }: Site, rounds: number): Promise<Case[]> {
  const sql = (text: string) => () => db.pages.query(text);
  const noText = sql('update gazetteer.city set notes = null where notes is not null');
  const ids = numbered(limits.form.values).map((id) => String(1_000 + id));
  await db.pages.query(
    'insert into gazetteer.tag (id, name) select n, $1 || n from unnest($2::int[]) n',
    ['tag ', ids],
  );
  const ticked = numbered(limits.bulk.ticked).map(String);
  const tasks: number[] = [];
  for (let round = 0; round < rounds; round++) {
    tasks.push(await launchAll(db, visitor, ticked.length));
  }
  const form = async (id: number) =>
    formOf((await visitor.get(`/cities/${id}/edit`)).body, 'record-form');
  let sent: Record<string, string | readonly string[]> = {};
  const open =
    (
      change: (
        form: Record<string, string | readonly string[]>,
      ) => Record<string, string | readonly string[]>,
    ) =>
    async () => {
      sent = change(await form(3));
    };
  let selectionId = '';
  const tickAll = async () => {
    selectionId = await selectAs(visitor, limits.form.values);
    await visitor.post('/cities/selection', {
      _do: 'add',
      _s: selectionId,
      key: places(limits.bulk.ticked).slice(limits.form.values),
    });
  };
  const sort = [
    '-country.name',
    'status',
    '-featureCode',
    'population',
    '-rating',
    'adminCode',
    '-name',
    'altName',
  ];
  return [
    { name: 'a page of a list', ask: () => visitor.get('/cities'), expected: [200] },
    {
      name: `a form with ${limits.form.fields} fields`,
      before: open((own) => ({
        ...own,
        ...Object.fromEntries(
          numbered(limits.form.fields - Object.keys(own).length).map((n) => [`junk${n}`, 'x']),
        ),
      })),
      ask: () => visitor.post('/cities/3/edit', sent),
      expected: [303],
    },
    {
      name: `a form with ${limits.form.values} values of a field`,
      before: async () => {
        await db.pages.query('delete from gazetteer."_CityToTag"');
        await open((own) => ({ ...own, tags: ids }))();
      },
      ask: () => visitor.post('/cities/3/edit', sent),
      expected: [303],
    },
    {
      name: `a form with ${limits.form.values} values that are none`,
      before: async () => {
        await db.pages.query('delete from gazetteer."_CityToTag"');
        await open((own) => ({ ...own, tags: ids.map((id) => `9${id}`) }))();
      },
      ask: () => visitor.post('/cities/3/edit', sent),
      expected: [422],
    },
    {
      name: 'the longest filter',
      ask: () => visitor.get(`/cities?${longestFilter()}`),
      expected: [200],
    },
    {
      name: 'the longest filter, in the builder',
      ask: () => visitor.get(`/cities/filter?${longestFilter()}`),
      expected: [200],
    },
    {
      name: 'most values in a filter',
      ask: () => visitor.get(`/cities?${valuesFilter()}`),
      expected: [200],
    },
    {
      name: `sorted by ${sort.length} columns`,
      ask: () => visitor.get(`/cities?_sort=${sort.join(',')}&_size=100`),
      expected: [200],
    },
    {
      name: `the search of ${limits.list.searchWords} words`,
      ask: () => visitor.get(`/cities?_q=${'place+'.repeat(limits.list.searchWords)}`),
      expected: [200],
    },
    {
      name: `${limits.bulk.ticked} ticked, the last half at once`,
      ask: tickAllAtOnce(visitor),
      expected: [303],
    },
    {
      name: `the dialog for ${limits.bulk.ticked} ticked`,
      before: tickAll,
      ask: () => visitor.get(`/cities/bulk-edit?_s=${selectionId}`),
      expected: [200],
    },
    {
      name: `an undo of ${ticked.length} chosen`,
      ask: (round) =>
        visitor.post(`/tasks/${tasks[round]}/undo`, {
          _op: crypto.randomUUID(),
          _which: 'chosen',
          key: ticked.slice(0, limits.form.values),
          ticked: ticked.slice(limits.form.values),
        }),
      expected: [303],
    },
    ...[25, 100].map((size) => ({
      name: `${size} rows of 2 MB each`,
      before: () => longTexts(db, 2 * megabytes),
      ask: () => visitor.get(`/cities?_size=${size}`),
      expected: [200],
    })),
    {
      name: 'the page of a record with a text of 5 MB',
      before: () => longTexts(db, 5 * megabytes, 1),
      ask: () => visitor.get('/cities/1'),
      expected: [200],
    },
    { name: 'its form', ask: () => visitor.get('/cities/1/edit'), expected: [200] },
    {
      name: 'a text of 5 MB, to be edited',
      ask: () => visitor.get('/cities/1/edit/notes'),
      expected: [200],
    },
    {
      name: 'a text of 16 MB, saved',
      ask: (round) =>
        visitor.post('/cities/4/edit/notes', {
          notes: String(round).padEnd(limits.form.textBytes, 'text '),
        }),
      // As long as a save may take is not always long enough for it.
      expected: [303, 503],
    },
    {
      name: 'JSON of 1 MB, saved',
      before: noText,
      ask: async (round) =>
        visitor.post('/countries/ESP/edit', {
          ...(await countryForm(visitor)),
          currencies: longestJson(round),
        }),
      expected: [303],
    },
  ];
}

async function countryForm(
  visitor: NetworkVisitor,
): Promise<Record<string, string | readonly string[]>> {
  return formOf((await visitor.get('/countries/ESP/edit')).body, 'record-form');
}

// A number less than a form takes: the other fields have their room.
function longestJson(round: number): string {
  const one = '{"a":1.50}';
  return `[${round},${numbered(40_000)
    .map(() => one)
    .join(',')}]`;
}

async function launchAll(db: Database, visitor: NetworkVisitor, count: number): Promise<number> {
  const values = { field: 'status', 'value.status': 'published' };
  await db.pages.query(`update gazetteer.city set status = 'draft'`);
  const id = await launchTicked(visitor, count, values);
  const { state } = await finished(db, id);
  if (state !== 'succeeded') throw new Error(`task ${id} ${state}`);
  return id;
}

async function launchTicked(
  visitor: NetworkVisitor,
  count: number,
  body: Record<string, string>,
): Promise<number> {
  return launchAs(
    {
      get: visitor.get,
      // More than a form takes are ticked in several.
      post: async (path, sent = {}, headers) => {
        const keys = sent.key;
        if (!Array.isArray(keys) || keys.length <= limits.form.values)
          return visitor.post(path, sent, headers);
        const first = await visitor.post(path, { ...sent, key: keys.slice(0, limits.form.values) });
        const id = /_s=([0-9a-f-]{36})/.exec(String(first.headers.location))?.[1] ?? '';
        return visitor.post(
          path,
          { ...sent, _s: id, key: keys.slice(limits.form.values) },
          headers,
        );
      },
    },
    count,
    { body },
  );
}

function tickAllAtOnce(visitor: NetworkVisitor): () => Promise<Answer> {
  const [first, second] = [
    places(limits.form.values),
    places(limits.bulk.ticked).slice(limits.form.values),
  ];
  return async () => {
    const answer = await visitor.post('/cities/selection', { _do: 'add', key: first });
    const id = /_s=([0-9a-f-]{36})/.exec(String(answer.headers.location))?.[1] ?? '';
    return visitor.post('/cities/selection', { _do: 'add', _s: id, key: second });
  };
}

function longestFilter(): string {
  const each = Math.floor(limits.filter.length / limits.filter.conditions);
  const condition = (n: number) => `_${n}.name-${n % 2 ? 'contains' : 'starts'}=`;
  return numbered(limits.filter.conditions)
    .map((n) => `${condition(n)}${'Place '.replace(' ', '+').repeat(30)}`.slice(0, each - 1))
    .join('&');
}

function valuesFilter(): string {
  return numbered(limits.filter.values)
    .map((n) => `population=${n}`)
    .join('&');
}

/** Texts that no compression makes small; made once, and copied as they are. */
async function longTexts(db: Database, bytes: number, count = 100): Promise<void> {
  const { rows } = await db.pages.query(
    `select 1 from gazetteer.city where id <= $1 and octet_length(notes) = $2`,
    [count, bytes],
  );
  if (rows.length === count) return;
  await db.pages.query(
    `update gazetteer.city set notes = long.text from (select left(string_agg(md5(n::text), ''), $2) as text from generate_series(1, $2 / 32 + 1) n) long
     where id <= $1`,
    [count, bytes],
  );
  await db.pages.query('vacuum (analyze) gazetteer.city');
}

async function casesOfLists({ db, visitor }: Site): Promise<Case[]> {
  const { rows } = await db.pages.query<{ id: number }>(
    'select min(id) as id from "Odd-Schema"."ScalarList"',
  );
  const { headers, body } = await visitor.get('/');
  const [, slug] = /href="\/(scalar-?lists?)"/i.exec(body) ?? [];
  if (!slug) throw new Error(`no list of lists: ${headers.location}`);
  const path = `/${slug}/${rows[0]?.id}/edit`;
  let sent: Record<string, string | readonly string[]> = {};
  let round = 0;
  return [
    {
      name: `a list of ${limits.form.listValues} values`,
      before: async () => {
        const own = formOf((await visitor.get(path)).body, 'record-form');
        round += 1;
        sent = {
          ...own,
          texts: numbered(limits.form.listValues)
            .map((n) => `value ${n} of ${round}`)
            .join('\r\n'),
        };
      },
      ask: () => visitor.post(path, sent),
      expected: [303],
    },
    { name: 'its page', ask: () => visitor.get(path.replace('/edit', '')), expected: [200] },
    { name: 'its form', ask: () => visitor.get(path), expected: [200] },
  ];
}
