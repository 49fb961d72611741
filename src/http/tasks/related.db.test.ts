import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import sample from '../../admin.ts';
import { testApp } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

async function setUp(t: TestContext) {
  const app = await testApp(t, {
    admin: { ...sample, schedules: [], taskHooks: [], notify: 'none' },
  });
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  const { db } = app;
  const insert = async (count: number, columns: Record<string, unknown> = {}) => {
    const given = {
      unique_key: null,
      reuse_key: null,
      blocked_by: null,
      state: 'failed',
      ...columns,
    };
    const { rows } = await db.pages.query<{ id: number }>(
      `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, unique_key, reuse_key, blocked_by, due_at, finished_at)
       select 'own', 'gone', 'Inserted ' || n, 'queue', $1, 'Admin', '{}', '{}', $2::text, $3, $4, $5::int, now() + interval '1 day', case when $2 in ('failed', 'succeeded') then now() end
       from generate_series(1, $6::int) n returning id`,
      [admin.principal.id, given.state, given.unique_key, given.reuse_key, given.blocked_by, count],
    );
    return rows.map(({ id }) => id);
  };
  return { ...app, admin, editor, insert };
}

/** Numbers of the tasks that a page names below a heading. */
function under(body: string, heading: string): number[] {
  const related = body.slice(body.indexOf('>Related tasks<'));
  const part = related.split(`>${heading}<`)[1]?.split('</ul>')[0] ?? '';
  return [...part.matchAll(/href="\/tasks\/(\d+)"/g)].map(([, id]) => Number(id));
}

test('the page of a task names those of its schedule, its like, who waits for it and what is about the same records, five of each', async (t) => {
  const { admin, insert, db } = await setUp(t);
  const runs = await insert(8);
  await db.pages.query(
    `insert into ${db.t.schedule} (name, cron, time_zone) values ('nightly', '* * * * *', 'UTC'), ('other', '* * * * *', 'UTC')`,
  );
  await db.pages.query(
    `insert into ${db.t.schedule_run} (schedule, due_at, state, task_id)
     select case when n = 8 then 'other' else 'nightly' end, now() - make_interval(days => n::int), 'launched', id from unnest($1::int[]) with ordinality given(id, n)`,
    [runs],
  );
  const bodyOf = async (id = 0) => (await admin.get(`/tasks/${id}`)).body;
  assert.deepEqual(under(await bodyOf(runs[3]), 'By the same schedule'), [
    runs[6],
    runs[5],
    runs[4],
    runs[2],
    runs[1],
  ]);

  const same = await insert(2, { unique_key: 'k', reuse_key: 'r', state: 'queued' });
  const done = await insert(1, { unique_key: 'k', reuse_key: 'r', state: 'succeeded' });
  const waiting = await insert(6, { state: 'queued', blocked_by: same[0] });
  const own = await bodyOf(same[0]);
  assert.deepEqual(under(own, 'The same, under way or done lately'), [done[0], same[1]]);
  assert.deepEqual(under(own, 'Waiting for this one'), waiting.slice(1).reverse());

  await db.pages.query(
    `insert into ${db.t.task_about} (task_id, model, key) values ($1, 'Country', 'ESP'), ($2, 'Country', 'ESP'), ($3, 'Country', 'FRA')`,
    runs.slice(0, 3),
  );
  assert.deepEqual(under(await bodyOf(runs[0]), 'About the same records'), [runs[1]]);
  assert.ok(!(await bodyOf((await insert(1))[0])).includes('Related tasks'));
});

test('bulk work names what has changed the first of its records too, and nobody what is not theirs to see', async (t) => {
  const app = await setUp(t);
  await insertPlaces(app.db, 60);
  const launch = async (visitor: typeof app.admin, from: number, status: string) => {
    const body = { field: 'status', 'value.status': status };
    const id = await launchAs(visitor, 20, { from, body });
    await workOff(app, id);
    return id;
  };
  const first = await launch(app.editor, 1, 'published');
  const elsewhere = await launch(app.admin, 31, 'published');
  const second = await launch(app.admin, 1, 'archived');
  const heading = 'Changed the first of its records too';
  const named = async (visitor: typeof app.admin, id: number) =>
    under((await visitor.get(`/tasks/${id}`)).body, heading);
  assert.deepEqual(await named(app.admin, first), [second]);
  assert.deepEqual(await named(app.admin, second), [first]);
  assert.deepEqual(await named(app.admin, elsewhere), []);
  assert.deepEqual(await named(app.editor, first), []);
});
