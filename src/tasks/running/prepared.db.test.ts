import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { openPool } from '../../db/pool.ts';
import { defineResource } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { runSlice } from './run-slice.ts';

const archive = { field: 'status', 'value.status': 'archived' };
/** By what each is of, and how often it was planned or its plan was used. */
const known = `select case when statement like '%"isWaitedFor"%' then 'finish chunk' when statement like '%cut.keys[1:%' then 'claim chunk'
    when statement like '%woken%' then 'wake waiting' else statement end as name, (generic_plans + custom_plans)::int as plans
  from pg_prepared_statements order by name`;

test('what a worker sends for every chunk is planned once a connection, and a request leaves nothing on one', async (t) => {
  const { db } = await testDatabase(t);
  await insertPlaces(db, 100);
  // Within a row scope each chunk is asked about before it is written, by round trips.
  const resources = [
    defineResource(metadata, 'City', {
      permissions: () => actions,
      scope: () => ({ population: { gt: 0 } }),
    }),
    defineResource(metadata, 'Country', { permissions: () => actions }),
    defineResource(metadata, 'Tag', { permissions: () => actions }),
  ];
  const admin = { ...sample, schedules: [], resources };
  const context = testContext(db, {}, { chunkSize: 10 }, admin);
  const pool = openPool({
    connectionString: db.connectionString,
    name: 'a worker of one connection',
    max: 1,
    ownSessions: true,
  });
  const everything = { kind: 'matching', filter: '' } as const;
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    everything,
    'update',
    archive,
  );
  await runSlice(
    context,
    { id: randomUUID(), pool, tokens: new Set(), backends: ['queue'], unknown: new Set() },
    task.id,
    new AbortController().signal,
  );
  const { state, changed, chunkCount } = await finished(db, task.id, 0);
  assert.deepEqual({ state, changed }, { state: 'succeeded', changed: 100 });
  assert.deepEqual((await pool.query(known)).rows, [
    { name: 'claim chunk', plans: chunkCount },
    { name: 'finish chunk', plans: chunkCount },
    { name: 'wake waiting', plans: 1 },
  ]);
  await pool.end();

  const one = openPool({
    connectionString: db.connectionString,
    name: 'pages of one connection',
    max: 1,
  });
  const request = { ...context, db: { ...db, pages: one } };
  const few = { kind: 'ticked' as const, keys: ['00000000000000000001'] };
  const inline = await launchOn(request, context.registry.get('cities'), few, 'update', {
    field: 'status',
    'value.status': 'draft',
  });
  assert.equal(inline.task.state, 'succeeded');
  assert.deepEqual((await one.query(known)).rows, []);
  await one.end();
});
