import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { PrismaClient } from '../../../generated/sample/client.ts';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { transaction } from '../../db/transaction.ts';
import {
  defineOperation,
  defineResource,
  defineTask,
  type InTask,
  type OwnSave,
} from '../../index.ts';
import { updateRecord } from '../../operations/save-record.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { cancel } from '../control/cancel.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';
import { saveContextOf } from '../launching/save-context.ts';
import { assertFree } from '../looking/assert-free.ts';
import { launchOwn } from '../own/launch-own.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';
import { failTask, type Lease } from './lease.ts';
import { releaseSlot, takeSlot } from './slots.ts';

const mail = defineTask({ name: 'mail', params: z.object({ of: z.string() }), run: () => null });
const slow = defineTask({
  name: 'slow',
  params: z.object({}),
  run: (_, task) => wait(60_000, null, { signal: task.signal }),
});
const renaming = defineTask({
  name: 'renaming',
  params: z.object({ region: z.string() }),
  attempts: 1,
  run: ({ region }, task) => task.change('countries', ['ESP'], { region }),
});

type Save = (event: OwnSave) => Promise<void>;

/** Countries whose `save` hook does what a test says, then writes. */
async function setUp(t: TestContext, during: Save, inEach: Save = async () => undefined) {
  const { db, connectionString } = await testDatabase(t);
  await insertPlaces(db, 3);
  const touch = defineOperation(metadata, 'Country', {
    name: 'touch',
    label: 'Touch',
    icon: 'hand',
    async each(event) {
      await inEach(event as unknown as OwnSave);
      return { region: 'Touched' };
    },
  });
  const countries = defineResource(metadata, 'Country', {
    operations: [touch],
    hooks: {
      async save(event) {
        await during(event as unknown as OwnSave);
        const { record, data, tx } = event;
        const { country } = tx as unknown as PrismaClient;
        await country.update({ where: { code: record.code }, data: { ...data } });
        return undefined;
      },
    },
  });
  const others = sample.resources.filter(({ model }) => model !== 'Country');
  const admin = {
    ...sample,
    schedules: [],
    resources: [countries, ...others],
    tasks: [mail, slow, renaming],
  };
  const context = testContext(db, {}, { minAsyncRecords: 1, chunkSize: 1 }, admin);
  const resource = context.registry.get('countries');
  const region = resource.fields.find(({ name }) => name === 'region');
  const city = context.registry.get('cities');
  return {
    db,
    context,
    /** Begins an edit in bulk, and calls `while` with a worker at it; gives how it ended. */
    async edit(
      keys: readonly string[],
      meanwhile: () => Promise<void> = async () => undefined,
      operation = 'update',
    ) {
      const { task } = await launchFromCode(context, {
        resource: 'countries',
        operation,
        keys,
        parameters: operation === 'update' ? { region: 'Elsewhere' } : {},
        principal: ada,
      });
      return work(task.id, meanwhile);
    },
    async change(meanwhile: () => Promise<void> = async () => undefined) {
      const { id } = await launchOwn(context, renaming, { region: 'Own' }, { principal: ada });
      return work(id, meanwhile);
    },
    form: (value: string) =>
      updateRecord(
        saveContextOf(context, resource, ada),
        'ESP',
        () => new Map([[region as NonNullable<typeof region>, value]]),
      ),
    assertFreeCity: (id: number) => assertFree(db.pages, db.t, city, String(id).padStart(20, '0')),
    async regions() {
      const { rows } = await db.pages.query('select region from gazetteer.country order by code');
      return rows.map((row) => row.region);
    },
    async tasks() {
      const { rows } = await db.pages.query(
        `select operation, parent_id as "parentId" from ${db.t.task} where operation = 'mail' order by id`,
      );
      return rows;
    },
    /** Another task holds it. */
    async holdCity(id: number) {
      const { rows } = await db.pages.query<{ id: number }>(
        `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state)
         values ('own', 'mail', 'Recount', 'queue', 'x', 'Ada', '{}', '{}', 'paused') returning id`,
      );
      await db.pages.query(
        `with held as (insert into ${db.t.lock_set} (task_id, model, is_held) values ($1, 'City', true) returning id)
         insert into ${db.t.lock_range} (set_id, keys, first_key, last_key) select id, array[$2], $2, $2 from held`,
        [rows[0]?.id, String(id).padStart(20, '0')],
      );
    },
    async locks() {
      return (await db.pages.query(`select * from ${db.t.lock_set}`)).rows.length;
    },
  };

  async function work(id: number, meanwhile: () => Promise<void>) {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
    const ended = finished(db, id);
    const tooSoon = ended.then(({ state }) => assert.fail(`it is ${state} before that`));
    return Promise.race([meanwhile(), tooSoon])
      .then(() => ended)
      .finally(() => worker.stop());
  }
}

/** Something that others wait for. */
const gate = () => Promise.withResolvers<void>();

const lockCities: Save = ({ lock }) => lock('cities', [1, 2]);

test('what a hook has locked in a task is held until the task ends, and locked again by the next chunk', async (t) => {
  const [second, look] = [gate(), gate()];
  const seen: (number | null)[] = [];
  const { edit, assertFreeCity, regions, locks } = await setUp(t, async (event) => {
    seen.push(event.taskId);
    await lockCities(event);
    if (event.record.code !== 'FRA') return;
    look.resolve();
    await second.promise;
  });
  const task = await edit(['ESP', 'FRA'], async () => {
    await look.promise;
    try {
      assert.equal((await regions())[0], 'Elsewhere', 'the first chunk has committed');
      await assert.rejects(assertFreeCity(1), { code: 'locked' });
      await assertFreeCity(3);
    } finally {
      second.resolve();
    }
  });
  assert.deepEqual([task.state, task.changed, seen], ['succeeded', 2, [task.id, task.id]]);
  await assertFreeCity(1);
  assert.equal(await locks(), 0);
});

test('a record is refused whose hook locks what another task holds, in bulk, by a form, and by a run', async (t) => {
  const { db, edit, change, form, regions, holdCity } = await setUp(t, lockCities);
  await holdCity(2);
  const bulk = await edit(['ESP']);
  assert.deepEqual([bulk.state, bulk.failed], ['failed', 1]);
  const { rows: failures } = await db.pages.query(`select code, message from ${db.t.task_failure}`);
  assert.deepEqual(failures[0]?.code, 'locked');
  assert.match(failures[0]?.message, /Ada is changing this record: “Recount”/);
  await assert.rejects(form('Form'), /Ada is changing this record/);
  const own = await change();
  assert.deepEqual(
    [own.state, own.message?.slice(0, 28)],
    ['failed', 'Ada is changing this record:'],
  );
  assert.deepEqual(await regions(), ['Europe', 'Europe']);
});

test('in a form a hook’s lock is let go with the write', async (t) => {
  const { form, assertFreeCity, locks, regions } = await setUp(t, async (event) => {
    assert.equal(event.taskId, null);
    await lockCities(event);
  });
  assert.equal(await form('Form'), true);
  assert.deepEqual([(await regions())[0], await locks()], ['Form', 0]);
  await assertFreeCity(1);
});

test('a chunk whose hook waits in vain for a writer is tried again, and holds nothing meanwhile', async (t) => {
  const tries: string[] = [];
  const asked = gate();
  const { db, edit, locks } = await setUp(t, async (event) => {
    tries.push(String(event.record.code));
    asked.resolve();
    await lockCities(event);
  });
  const writer = await db.pages.connect();
  await writer.query('begin; select 1 from gazetteer.city where id = 1 for update');
  const task = await edit(['ESP'], async () => {
    await asked.promise;
    while (tries.length < 2) await wait(20);
    await writer.query('commit');
    writer.release();
  });
  assert.deepEqual([task.state, task.changed], ['succeeded', 1]);
  assert.ok(tries.length >= 2, `tried ${tries.length} times`);
  assert.equal(await locks(), 0);
});

test('a launch by a hook is there with the write: of its own, a part of the task, or refused in one', async (t) => {
  let how: InTask = 'own';
  let isRefused = false;
  const { edit, change, form, tasks } = await setUp(t, async ({ launch, record }) => {
    await launch(mail, { of: String(record.code) }, { inTask: how });
    if (isRefused) throw new Error('no');
  });
  const bulk = await edit(['ESP']);
  assert.deepEqual(
    [bulk.state, await tasks()],
    ['succeeded', [{ operation: 'mail', parentId: null }]],
  );
  how = 'child';
  const [again, own] = [await edit(['FRA']), await change()];
  assert.deepEqual(
    [again.state, own.state, (await tasks()).slice(1).map(({ parentId }) => parentId)],
    ['succeeded', 'succeeded', [again.id, own.id]],
  );
  assert.equal(await form('Form'), true);
  assert.equal((await tasks())[3]?.parentId, null);
  how = 'refuse';
  assert.equal(await form('Again'), true);
  const refused = await change();
  assert.match(String(refused.message), /“mail” is not launched by what a task writes/);
  isRefused = true;
  how = 'own';
  await assert.rejects(form('Third'), /The save rule of countries failed/);
  assert.equal((await tasks()).length, 5);
});

test('bulk work that is cancelled cancels the parts that its hooks have launched', async (t) => {
  const [second, look] = [gate(), gate()];
  let child = 0;
  const { db, context, edit } = await setUp(t, async ({ launch, record }) => {
    if (record.code === 'ESP') child = (await launch(slow, {}, { inTask: 'child' })).id;
    else {
      look.resolve();
      await second.promise;
    }
  });
  const stateOf = async (id: number) =>
    (await db.pages.query(`select state, parent_id from ${db.t.task} where id = $1`, [id])).rows[0];
  const task = await edit(['ESP', 'FRA'], async () => {
    await look.promise;
    await cancel(context, ada, (await stateOf(child)).parent_id);
    assert.match((await stateOf(child)).state, /^cancell/);
    second.resolve();
  });
  assert.equal(task.state, 'cancelled');
});

test('bulk work that fails cancels them too: as its worker lets go, also in vain, dies after it, or dies once too often', async (t) => {
  const { db, context } = await setUp(t, async () => undefined);
  const worker = '00000000-0000-4000-8000-0000000000d1';
  const lost = { ...context, settings: { ...context.settings, maxDeaths: 1 } };
  const fail = (lease: Lease) =>
    transaction(db.pages, (client) => failTask(client, db.t, lease, { reason: 'error' }));
  const ways: Record<string, (lease: Lease) => Promise<unknown>> = {
    'lets go': async (lease) => {
      await fail(lease);
      await releaseSlot(context, db.pages, lease);
    },
    'dies after it': async (lease) => {
      await fail(lease);
      await recover(lost);
    },
    'lets go in vain': async (lease) => {
      await fail(lease);
      await db.pages.query(`delete from ${db.t.worker}`);
      await db.pages.query(`update ${db.t.task_slot} set taken_at = now() - interval '2 minutes'`);
      await recover(lost, { workerId: worker, tokens: new Set(), backends: ['queue'] });
    },
    'dies once too often': () => recover(lost),
  };
  for (const [way, end] of Object.entries(ways)) {
    await db.pages.query(
      `insert into ${db.t.worker} (id, host, pid, lock_id) values ($1, 'x', 1, 1) on conflict do nothing`,
      [worker],
    );
    const { task } = await launchFromCode(context, {
      resource: 'cities',
      operation: 'update',
      keys: ['1'],
      parameters: { notes: way },
      principal: ada,
    });
    const lease = (await takeSlot(context, db.pages, task.id, worker)) as Lease;
    const part = await launchOwn(context, slow, {}, { principal: ada, parentId: task.id });
    await end(lease);
    const { rows } = await db.pages.query(
      `select state from ${db.t.task} where id = any($1) order by id`,
      [[task.id, part.id]],
    );
    const states = rows.map(({ state }) => state);
    assert.deepEqual(states, ['failed', 'cancelled'], way);
    await db.pages.query(`delete from ${db.t.task_slot}`);
  }
});

test('`each` of an operation locks and launches as a hook does', async (t) => {
  const [second, look] = [gate(), gate()];
  let city = 1;
  const { edit, assertFreeCity, locks, regions, tasks, holdCity } = await setUp(
    t,
    async () => undefined,
    async ({ lock, launch, record }) => {
      await lock('cities', [city]);
      await launch(mail, { of: String(record.code) }, { inTask: 'child' });
      if (record.code !== 'FRA') return;
      look.resolve();
      await second.promise;
    },
  );
  const whole = await edit(
    ['ESP', 'FRA'],
    async () => {
      await look.promise;
      assert.equal((await regions())[0], 'Touched', 'the first chunk has committed');
      await assert.rejects(assertFreeCity(1), { code: 'locked' });
      await assertFreeCity(3);
      second.resolve();
    },
    'touch',
  );
  const part = { operation: 'mail', parentId: whole.id };
  assert.deepEqual([whole.state, await tasks()], ['succeeded', [part, part]]);
  assert.equal(await locks(), 0);
  city = 2;
  await holdCity(2);
  const refused = await edit(['ESP'], undefined, 'touch');
  assert.deepEqual([refused.state, refused.failed], ['failed', 1]);
});
