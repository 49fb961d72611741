import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '../db/database.ts';
import { startRecovery } from '../tasks/worker/worker.ts';
import { emailOf, testApp, testPassword, type Visitor } from '../testing/app.ts';
import { brakeBefore, holdBrake } from '../testing/brake.ts';
import { launchOn } from '../testing/context.ts';
import type { TestDatabase } from '../testing/database.ts';
import { openAs, selectAs } from '../testing/launch-as.ts';
import { type NetworkVisitor, signInOver } from '../testing/network-visitor.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';
import { startProgram } from '../testing/program.ts';
import { startTransactionPooler } from '../testing/transaction-pooler.ts';
import { until } from '../testing/until.ts';

const env = {
  BULKHEAD_STALE_AFTER_MS: '1500',
  BULKHEAD_RECOVERY_INTERVAL_MS: '100',
  BULKHEAD_LOG_LEVEL: 'silent',
  BULKHEAD_BACKGROUND: 'false',
};
const settings = { staleAfterMs: 1_500, recoveryIntervalMs: 100 };

/** What somebody does whose process freezes in the middle of it. */
interface Act {
  /** The table that is written to by then. */
  table: string;
  when?: string;
  send(visitor: NetworkVisitor): Promise<unknown>;
}

const acts: Record<string, Act> = {
  'in a bulk change that runs within the request': {
    table: 'gazetteer.city',
    async send(visitor) {
      const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 12)}`;
      const body = { field: 'notes', 'value.notes': 'by the frozen one' };
      return visitor.post(path, { _op: await openAs(visitor, path), ...body });
    },
  },
  'in the save of a form': {
    table: 'gazetteer.city',
    send: (visitor) => visitor.post('/cities/3/edit', { ...placeForm, name: 'By the frozen one' }),
  },
  'in a task of one’s own that runs within the request': {
    table: 'gazetteer.country',
    when: 'new.city_count is not null',
    async send(visitor) {
      const page = (await visitor.get('/countries/ESP')).body;
      const action = /action="(\/tasks\/new\/places\.recount[^"]+)"/.exec(page)?.[1] ?? '';
      return visitor.post(action, {});
    },
  },
};

/** A web process that is frozen in the middle of an act, and another beside it. */
async function freezeIn(t: TestContext, { table, when, send }: Act) {
  let defer: TestDatabase['defer'] = () => undefined;
  const prepare = (database: TestDatabase) => {
    ({ defer } = database);
    return database.db;
  };
  const app = await testApp(t, { env, settings, prepare });
  const { db, connectionString } = app;
  await insertPlaces(db, 60);
  await db.pages.query('update gazetteer.country set city_count = 1, city_population = 1');
  await brakeBefore(db, 'update', table, when);
  const brake = await holdBrake(db, connectionString);
  defer(() => brake.letGo());
  const frozen = await startProgram('serve', { ...env, DATABASE_URL: connectionString });
  defer(() => frozen.stop());
  const sent = send(await signInOver(frozen.address, emailOf('admin'), testPassword)).catch(
    () => null,
  );
  await brake.isReached();
  frozen.kill('SIGSTOP');
  await brake.letGo();
  return { ...app, frozen, sent };
}

/** Others' pages while it stands still: all of them are answered. */
async function assertAnswered(visitor: Visitor): Promise<void> {
  for (const path of ['/', '/cities', '/countries', '/tasks', '/cities/59', '/tasks/overview'])
    assert.equal((await visitor.get(path)).statusCode, 200, path);
}

for (const [what, act] of Object.entries(acts)) {
  test(`a web process that freezes ${what} lets go: pages of others answer, and nothing of it is written`, async (t) => {
    const { db, context, signIn, frozen, sent } = await freezeIn(t, act);
    const visitor = await signIn('admin');
    const recovery = startRecovery(context);
    try {
      await assertAnswered(visitor);
      // Somebody else’s save of the same record is answered, and comes through once it is free.
      const save = () =>
        act.table === 'gazetteer.city'
          ? visitor.post('/cities/3/edit', { ...placeForm, name: 'By somebody else' })
          : visitor.post('/countries/ESP/edit', { name: 'By somebody else', iso2: 'ES' });
      let status = 0;
      await until(async () => {
        status = (await save()).statusCode;
        assert.ok([303, 422, 423, 503].includes(status), String(status));
        return status === 303 || status === 422;
      });
      assert.equal(status, 303);
      await assertAnswered(visitor);
      const unfinished = await db.pages.query(
        `select state from ${db.t.task} where finished_at is null`,
      );
      assert.deepEqual(unfinished.rows, []);
      frozen.kill('SIGCONT');
      await sent;
      const { rows } = await db.pages.query(
        `select (select count(*)::int from gazetteer.city where notes is not null) as noted,
           (select count(*)::int from gazetteer.country where city_count > 1) as counted,
           (select count(*)::int from gazetteer.city where name = 'By the frozen one') as named`,
      );
      assert.deepEqual(rows, [{ noted: 0, counted: 0, named: 0 }]);
      const { rows: tasks } = await db.pages.query(`select state, reason from ${db.t.task}`);
      assert.deepEqual(
        tasks,
        act.table === 'gazetteer.country' ? [{ state: 'failed', reason: 'worker-died' }] : [],
      );
    } finally {
      await recovery.stop();
    }
  });
}

for (const way of ['past nobody', 'through a pooler'])
  test(`${way}, what a form and a change within a request have open is ended in its time when their process stands still`, async (t) => {
    const prepare = async ({ connectionString, db, defer }: TestDatabase) => {
      await db.pages.query(`
        alter table gazetteer.city add column lets_go_after text;
        create function gazetteer.note_limit() returns trigger language plpgsql as $$ begin
          new.lets_go_after := current_setting('idle_in_transaction_session_timeout');
          return new;
        end $$;
        create trigger note_limit before update on gazetteer.city for each row execute function gazetteer.note_limit()`);
      const pooler = await startTransactionPooler(connectionString, 3);
      defer(() => pooler.stop());
      const through =
        way === 'through a pooler' ? pooler.through(connectionString) : connectionString;
      const opened = await openDatabase({ connectionString: through, staleAfterMs: 7_000 });
      defer(() => opened.close());
      return opened;
    };
    const { db, context, signIn } = await testApp(t, { prepare });
    await insertPlaces(db, 12);
    const visitor = await signIn('admin');
    const edit = { ...placeForm, name: 'Saved' };
    assert.equal((await visitor.post('/cities/1/edit', edit)).statusCode, 303);
    const some = { keys: ['00000000000000000002'] };
    const body = { field: 'notes', 'value.notes': 'changed' };
    const { outcome } = await launchOn(
      context,
      context.registry.get('cities'),
      some,
      'update',
      body,
    );
    assert.equal(outcome, 'inline');
    const { rows } = await db.pages.query(
      'select id, lets_go_after as after from gazetteer.city where id <= 2 order by id',
    );
    assert.deepEqual(rows, [
      { id: 1, after: '7s' },
      { id: 2, after: '7s' },
    ]);
  });
