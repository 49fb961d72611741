import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createUser } from '../auth/users.ts';
import { settingNames } from '../config.ts';
import { csrfOf } from './app.ts';
import { type Browser, openBrowser } from './browse.ts';
import { testDatabase } from './database.ts';
import {
  type DeployedCommand,
  type DeployedProcess,
  readDeployment,
  readProcess,
  readUnit,
  startDeployed,
} from './deployments.ts';
import { tokenIn } from './mounted-journey.ts';
import { insertPlaces } from './places.ts';
import { until } from './until.ts';

const places = 3_000;
/** What the proxy in front of the pages sends along. */
const proxied = { 'x-forwarded-proto': 'https', 'x-remote-user': 'ada' };

async function setUp(t: TestContext) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, places);
  await createUser(db, {
    email: 'ada@example.com',
    name: 'Ada',
    password: 'correct horse battery',
    roles: ['admin'],
  });
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-deployed-'));
  t.after(() => rmSync(state, { recursive: true, force: true }));
  const start = async (command: DeployedCommand) => {
    const { child, ready } = startDeployed(command, {
      DATABASE_URL: connectionString,
      PORT: '0',
      BULKHEAD_FOLDER: state,
      BULKHEAD_CHUNK_SIZE: '100',
    });
    defer(() => child.end());
    await ready;
    return child;
  };
  /** Ends by itself. */
  const run = async (command: DeployedCommand) => {
    const { child } = startDeployed(command, { DATABASE_URL: connectionString });
    assert.equal(await child.ended, 0, child.text());
  };
  /** Numbers of the processes in which a task is being worked on while its records are held. */
  const whileHeld = async (launch: () => Promise<number>) => {
    const holder = await db.background.connect();
    await holder.query('begin; select from gazetteer.city for update');
    try {
      const id = await launch();
      let pids: number[] = [];
      await until(async () => {
        const { rows } = await db.background.query<{ pid: number }>(
          `select worker.pid from ${db.t.task_slot} slot join ${db.t.worker} worker on worker.id = slot.worker_id where task_id = $1`,
          [id],
        );
        pids = rows.map(({ pid }) => pid);
        return pids.length > 0;
      });
      return { id, pids };
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  };
  const isDone = async (id: number) => {
    const { rows } = await db.background.query<{ state: string }>(
      `select state from ${db.t.task} where id = $1`,
      [id],
    );
    assert.notEqual(rows[0]?.state, 'failed');
    return rows[0]?.state === 'succeeded';
  };
  const notes = async () => {
    const { rows } = await db.background.query<{ notes: string; count: number }>(
      'select notes, count(*)::int as count from gazetteer.city group by 1',
    );
    return rows;
  };
  return { start, run, whileHeld, isDone, notes };
}

/** Signed in on our own page, or by the proxy. */
async function visit({ address }: DeployedProcess, prefix = '') {
  const browser = openBrowser(address);
  const get = (path: string) => browser.get(`${prefix}${path}`, proxied);
  const post = async (path: string, form: Parameters<Browser['post']>[1] = {}) => {
    const page = await get(path);
    const { text } = page.status === 200 ? page : await get('/');
    return browser.post(
      `${prefix}${path}`,
      { _csrf: csrfOf(text) || tokenIn(text), ...form },
      proxied,
    );
  };
  if (prefix === '') {
    const person = { email: 'ada@example.com', password: 'correct horse battery' };
    const { status, text } = await post('/sign-in', person);
    assert.equal(status, 303, text);
  }
  const taskOf = ({ location, text }: { location: string | null; text: string }) => {
    const [, id] = /\/tasks\/(\d+)/.exec(location ?? '') ?? [];
    assert.ok(id, text);
    return Number(id);
  };
  return {
    /** Changes every place, as a person does. */
    async editAll(notes: string) {
      const { location } = await post('/cities/selection', { _do: 'matching', _list: '' });
      const path = `/cities/bulk-edit?${/_s=[0-9a-f-]+/.exec(location ?? '')?.[0]}`;
      const [, _op = ''] = /name="_op" value="([^"]+)"/.exec((await get(path)).text) ?? [];
      return taskOf(await post(path, { _op, field: 'notes', 'value.notes': notes }));
    },
    async recount(country: string) {
      const path = `/tasks/new/places.recount?_record=${country}`;
      const [, _op = ''] = /name="_op" value="([^"]+)"/.exec((await get(path)).text) ?? [];
      return taskOf(await post(path, { _op }));
    },
  };
}

type Deployed = Awaited<ReturnType<typeof setUp>>;

/**
 * A change of every record and a task of the project's own, each in a process that may run it; then
 * every process is ended while a change is under way, and with the next ones it goes on.
 */
async function walk(
  { start, whileHeld, isDone, notes }: Deployed,
  {
    pages,
    workers,
    prefix,
  }: { pages: DeployedCommand; workers: DeployedCommand[]; prefix?: string },
): Promise<void> {
  const begin = async () => {
    const web = await start(pages);
    const others: DeployedProcess[] = [];
    for (const worker of workers) others.push(await start(worker));
    return { web, others };
  };
  const first = await begin();
  const ran = workers.length > 0 ? first.others : [first.web];
  const person = await visit(first.web, prefix);
  const bulk = await whileHeld(() => person.editAll('by hand'));
  for (const pid of bulk.pids) assert.ok(ran.map((one) => one.pid).includes(pid), String(pid));
  await until(() => isDone(bulk.id));
  assert.deepEqual(await notes(), [{ notes: 'by hand', count: places }]);
  const own = await person.recount('ESP');
  await until(() => isDone(own));

  const left = await whileHeld(() => person.editAll('twice'));
  const ended = [first.web, ...first.others].map((one) => one.end());
  for (const status of await Promise.all(ended)) assert.equal(status, 0);
  const again = await begin();
  await until(() => isDone(left.id));
  assert.deepEqual(await notes(), [{ notes: 'twice', count: places }]);
  for (const one of [again.web, ...again.others]) assert.equal(await one.end(), 0, one.text());
}

test('one process: pages and a worker in it; ended, what it was at goes on with the next', async (t) => {
  const deployed = await setUp(t);
  await walk(deployed, { pages: readUnit('one-process', 'bulkhead.service'), workers: [] });
});

test('web and workers: tables first, then pages that run nothing and two workers that do', async (t) => {
  const deployed = await setUp(t);
  const unit = (name: string) => readUnit('web-and-workers', name);
  await deployed.run(unit('bulkhead-migrate.service'));
  const worker = unit('bulkhead-worker@.service');
  await walk(deployed, { pages: unit('bulkhead-web.service'), workers: [worker, worker] });
});

test('a host app whose workers run elsewhere: its own people, its own pages, and no task within it', async (t) => {
  const deployed = await setUp(t);
  await walk(deployed, {
    pages: readProcess('host-app', 'app'),
    workers: [readProcess('host-app', 'worker')],
    prefix: '/admin',
  });
});

test('each example says its settings in one file, all of them settings, with secrets to change', () => {
  for (const example of ['one-process', 'web-and-workers', 'host-app']) {
    const text = readDeployment(example, 'settings.env');
    const names = [...text.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    for (const name of names)
      assert.ok(name === 'NODE_ENV' || settingNames.includes(name as never), `${example}: ${name}`);
    assert.ok(names.includes('BULKHEAD_SESSION_SECRET') && names.includes('DATABASE_URL'), example);
    const guide = readDeployment(example, 'README.md');
    const files = readdirSync(join(import.meta.dirname, '../../examples/deployments', example));
    for (const file of files.filter((name) => name !== 'README.md'))
      assert.ok(guide.includes(`\`${file}\``), `${example}: ${file}`);
    assert.ok(guide.split('\n').length < 40);
    // systemd begins no unit anew that ends five times within ten seconds, as one does whose database is not up yet.
    for (const file of files.filter((name) => name.endsWith('.service'))) {
      const unit = readDeployment(example, file);
      if (!unit.includes('Type=oneshot')) assert.match(unit, /^RestartSec=[3-9]$/m, file);
    }
  }
});
