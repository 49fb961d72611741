import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorker } from '../worker/worker.ts';

const changes = {
  'a column that is renamed': 'alter table gazetteer.city rename column notes to remarks',
  'a table that is renamed': 'alter table gazetteer.city rename to town',
};

for (const [what, statement] of Object.entries(changes)) {
  test(`${what} while a task runs ends it, says so, and leaves what was done to be told and undone`, async (t) => {
    const { db, connectionString, defer } = await testDatabase(t);
    const context = testContext(db);
    await insertPlaces(db, 3_000);
    await db.pages.query(`create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return new; end $$;
      create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle()`);
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
    const cities = context.registry.get('cities');
    const { task } = await launchOn(context, cities, { kind: 'matching', filter: '' }, 'update', {
      field: 'notes',
      'value.notes': 'x',
    });
    for (let done = 0; done < 200; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      ({ done } = (
        await db.pages.query(`select done from ${db.t.task} where id = $1`, [task.id])
      ).rows[0]);
    }
    await db.pages.query(statement);
    const end = await finished(db, task.id);
    assert.deepEqual([end.state, end.reason, end.failed], ['failed', 'table-changed', 0]);
    assert.match(end.message ?? '', /no longer what/);
    const { rows } = await db.pages.query(
      `select sum(cardinality(keys))::int as kept from ${db.t.change} where task_id = $1`,
      [task.id],
    );
    assert.equal(end.changed, rows[0].kept);
    assert.ok(end.changed > 0 && end.changed < 3_000);
  });
}
