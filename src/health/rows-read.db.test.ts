import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { openDatabase } from '../db/database.ts';
import type { TaskContext } from '../tasks/context.ts';
import { testContext } from '../testing/context.ts';
import { testAuditSecret, testDatabase } from '../testing/database.ts';
import { until } from '../testing/until.ts';
import { healthParts } from './health-parts.ts';
import { readFleet } from './read-fleet.ts';

const ended = 100_000;
const waiting = 100;
/** Of each table, however much of it has ended: what has not, by several statements. */
const few = 20 * waiting;

test(`metrics, and what is looked at again and again, read few rows beside ${ended} that have ended`, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const client = new pg.Client({ connectionString });
  await client.connect();
  defer(() => client.end());
  const { task, task_event: event, notice, audit_entry: entry } = db.t;
  await client.query(`alter table ${task} disable trigger user;
    insert into ${task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, finished_at)
      select 'cities', 'City', 'update', 'Edit', 'queue', 'x', 'X', '{}', '{}', '{}', case when n % ${ended / waiting} = 0 then 'queued' else 'succeeded' end, case when n % ${ended / waiting} = 0 then null else now() - interval '1 day' end from generate_series(1, ${ended}) n;
    alter table ${task} enable trigger user;
    insert into ${event} (task_id, state, is_fanned, at) select id, state, true, now() from ${task};
    insert into ${notice} (event_id, channel, recipient, content, state) select n, 'x', '', '{}', 'sent' from generate_series(1, ${ended}) n;
    insert into ${entry} (at, act, origin) select now(), 'signed-in', 'page' from generate_series(1, ${ended})`);
  await client.query('vacuum analyze');
  const sessions = async () =>
    (
      await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and backend_type <> 'autovacuum worker'`,
      )
    ).rows.map(({ pid }) => pid);
  /** Rows that were read of each table, by whichever way. */
  const rowsRead = async () => {
    const { rows } = await client.query<{ name: string; count: string }>(
      `select relname as name, seq_tup_read + coalesce(idx_tup_fetch, 0) + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes own where own.relid = stat.relid) as count
       from pg_stat_user_tables stat where schemaname = $1`,
      [db.schema],
    );
    return new Map(rows.map(({ name, count }) => [name, Number(count)]));
  };

  const again = healthParts.filter(({ isAskedFor }) => !isAskedFor);
  const looks: [what: string, look: (context: TaskContext) => Promise<unknown>][] = [
    ['metrics', readFleet],
    ...again.map(({ name, look }) => [name, look] as (typeof looks)[number]),
  ];
  for (const [what, look] of looks) {
    const others = await sessions();
    const before = await rowsRead();
    const own = await openDatabase({ connectionString, auditSecrets: [testAuditSecret] });
    try {
      await look(testContext(own));
    } finally {
      await own.close();
    }
    // What they have read is counted by the time that they are gone.
    await until(async () => (await sessions()).every((pid) => others.includes(pid)));
    const after = await rowsRead();
    const many = [...after].filter(([name, count]) => count - (before.get(name) ?? 0) > few);
    assert.deepEqual(many, [], what);
    if (what === 'metrics')
      assert.ok(
        (after.get('task') ?? 0) - (before.get('task') ?? 0) >= waiting,
        'they are counted',
      );
  }
});
