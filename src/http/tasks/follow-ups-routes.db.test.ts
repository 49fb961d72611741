import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

/**
 * A finished task of 30 places, of which the database refused two for one reason and one for
 * another.
 */
async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  await app.db.pages.query(`
    update gazetteer.city set name = '=1+1' where id = 5;
    alter table gazetteer.city add constraint city_status_check check (id not in (5, 9) or status <> 'published') not valid;
    alter table gazetteer.city add constraint odd_one check (id <> 11 or status <> 'published') not valid;
  `);
  const editor = await app.signIn('editor');
  const id = await launchAs(editor, 30);
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    const worker = await startWorker(app.context, {
      connectionString: app.connectionString,
      concurrency: 1,
    });
    try {
      return await work();
    } finally {
      await worker.stop();
    }
  };
  const end = (taskId: number) => run(() => finished(app.db, taskId, 10_000));
  assert.equal((await end(id)).failed, 3);
  return { ...app, editor, id, run, end };
}

const formOf = (html: string, action: string, code = '') =>
  new RegExp(
    `action="${action}"[\\s\\S]*?name="_op" value="([^"]+)"[\\s\\S]*?name="code" value="${code}"`,
  ).exec(html)?.[1] ?? '';

test('what failed is grouped by reason, each with its count, its records and a retry of its own', async (t) => {
  const { editor, id } = await setUp(t);
  const { body } = await editor.get(`/tasks/${id}`);
  assert.match(body, /city_status_check[\s\S]*2 records[\s\S]*odd_one[\s\S]*1 record/);
  assert.match(body, /Retry 3 records/);
  assert.match(body, /Retry 2 of this reason/);
  assert.match(body, /Retry 1 of this reason/);
  assert.match(
    body,
    new RegExp(`href="/tasks/${id}/failures\\?code=23514%3Aodd_one"|href="/tasks/${id}/failures"`),
  );
  assert.match(body, /set by set, in SQL/);
});

test('one reason is retried, once, and the page says so', async (t) => {
  const { db, editor, id, end: ended } = await setUp(t);
  await db.pages.query('alter table gazetteer.city drop constraint odd_one');
  const { body } = await editor.get(`/tasks/${id}`);
  const _op = formOf(body, `/tasks/${id}/retry`, '23514:odd_one');
  const answer = await editor.post(`/tasks/${id}/retry`, { _op, code: '23514:odd_one' });
  assert.equal(answer.statusCode, 303);
  const retryId = Number(/\/tasks\/(\d+)$/.exec(String(answer.headers.location))?.[1]);
  const again = await editor.post(`/tasks/${id}/retry`, { _op, code: '23514:odd_one' });
  assert.equal(again.headers.location, `/tasks/${retryId}`);
  const end = await ended(retryId);
  assert.deepEqual([end.state, end.changed, end.title], ['succeeded', 1, 'Retry: Edit cities']);
  const after = (await editor.get(`/tasks/${id}`)).body;
  assert.match(after, new RegExp(`Retried by task ${retryId} \\(succeeded\\)`));
  assert.match(after, /Retry 2 records/);
  assert.match((await editor.get(`/tasks/${retryId}`)).body, new RegExp(`Retries task ${id}`));
});

test('failed records are a list by reason, and a CSV in which no text is a formula', async (t) => {
  const { db, editor, id } = await setUp(t);
  const all = (await editor.get(`/tasks/${id}/failures`)).body;
  assert.match(all, /Every reason \(3\)/);
  const one = (await editor.get(`/tasks/${id}/failures?code=23514%3Aodd_one`)).body;
  assert.match(one, /Place 11/);
  assert.doesNotMatch(one, /Place 9/);
  const csv = await editor.get(`/tasks/${id}/failures.csv`);
  assert.match(String(csv.headers['content-type']), /^text\/csv/);
  assert.match(String(csv.headers['content-disposition']), new RegExp(`task-${id}-failures.csv`));
  const lines = csv.body.trim().split('\n');
  assert.equal(lines.length, 4);
  assert.equal(lines[0], 'Id,Record,Reason,Field,Code');
  assert.match(lines[1] ?? '', /^5,'=1\+1,/);
  assert.match(lines[2] ?? '', /^9,Place 9,.*,Status,23514:city_status_check$/);
  for (const name of ['+1', '-1', '@SUM(A1)', '\t=1', '\r=1']) {
    await db.pages.query('update gazetteer.city set name = $1 where id = 9', [name]);
    const { body } = await editor.get(`/tasks/${id}/failures.csv`);
    assert.match(body, new RegExp(`^9,"?'${RegExp.escape(name)}"?,`, 'm'), name);
  }
});

test('failures lead on: what each holds and was to hold, and a selection of them; a repeat is first only where it can help', async (t) => {
  const { db, editor, id } = await setUp(t);
  const { body } = await editor.get(`/tasks/${id}/failures`);
  assert.match(body, /Failed: Status → published · 30 cities/);
  const row = /<tr[^>]*>(?:(?!<\/tr>)[\s\S])*Place 9[\s\S]*?<\/tr>/
    .exec(body)?.[0]
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  assert.match(row ?? '', /^Place 9 Status draft → published /);
  assert.doesNotMatch(body, /23514(?!%3A)|<code/, 'no codes for people');
  assert.match(body, /<a class="link" href="\/cities\/9\/edit">Place 9/);
  const buttons = (html: string) =>
    [
      ...html.matchAll(
        /<button class="([^"]*)" type="submit"[^>]*>(?:<svg[\s\S]*?<\/svg>)?([^<]+)/g,
      ),
    ]
      .map(
        ([, look = '', label = '']) => `${label}${look.includes('btn-primary') ? ' (first)' : ''}`,
      )
      .filter((label) => /another way|Retry/.test(label) && !/reason/.test(label));
  assert.deepEqual(buttons(body), ['Change these 3 in another way (first)', 'Retry 3 records']);
  assert.deepEqual(buttons((await editor.get(`/tasks/${id}`)).body), [
    'Change these 3 in another way (first)',
    'Retry 3 records',
  ]);
  assert.match(body, /will refuse them again/);
  const listQuery =
    /name="_list" value="([^"]+)"/.exec(
      (await editor.get(`/tasks/${id}/failures?code=23514%3Acity_status_check`)).body,
    )?.[1] ?? '';
  const sent = await editor.post('/cities/selection', {
    _do: 'matching',
    _list: listQuery.replaceAll('&amp;', '&'),
  });
  const list = (await editor.get(String(sent.headers.location))).body;
  assert.match(list, /All 2 matching cities selected/);
  assert.match(list, new RegExp(`Failed in task ${id}, for one reason`));

  // Held by somebody else then, and free now.
  await db.pages.query(
    `update ${db.t.task_failure} set is_conflict = true, code = 'locked', message = 'Held by task 9: Edit cities, Ada.' where task_id = $1`,
    [id],
  );
  await db.pages.query(`update ${db.t.task} set failed = 0, conflicted = 3 where id = $1`, [id]);
  assert.deepEqual(buttons((await editor.get(`/tasks/${id}/failures`)).body), [
    'Change these 3 in another way',
    'Retry 3 records (first)',
  ]);
});

test('a wanted value that no column has room for is told by the change', async (t) => {
  const { db, editor, end } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set rating = 9 where id in (41, 42); alter table gazetteer.city add constraint low check (rating < 20 or id <> 43) not valid`,
  );
  await db.pages.query('update gazetteer.city set rating = 5 where id = 43');
  const body = { field: 'rating', 'change.rating': 'multiply', 'value.rating': '1000000' };
  const id = await launchAs(editor, 25, { from: 31, body });
  await end(id);
  const page = await editor.get(`/tasks/${id}/failures`);
  assert.equal(page.statusCode, 200);
  assert.match(
    page.body.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' '),
    /Place 41 Rating 9(\.0)? → /,
  );
});

test('an undo is previewed, names what it would refuse, and is confirmed once', async (t) => {
  const { db, editor, id, end: ended } = await setUp(t);
  await db.pages.query(`update gazetteer.city set status = 'archived' where id = 3`);
  const { body } = await editor.get(`/tasks/${id}/undo`);
  assert.match(body, /26 records would be put back/);
  assert.match(body, /1 record would be refused/);
  assert.match(body, /Edited since: Status is no longer what the task wrote\.[\s\S]*Place 3/);
  const _op = /name="_op" value="([^"]+)"/.exec(body)?.[1] ?? '';
  const none = await editor.post(`/tasks/${id}/undo`, { _op, _which: 'chosen' });
  assert.equal(none.statusCode, 422);
  assert.match(none.body, /Tick at least one record/);
  const chosen = await editor.post(`/tasks/${id}/undo`, { _op, _which: 'chosen', key: ['1', '2'] });
  assert.equal(chosen.statusCode, 303);
  const undoId = Number(/\/tasks\/(\d+)$/.exec(String(chosen.headers.location))?.[1]);
  const end = await ended(undoId);
  assert.deepEqual([end.state, end.changed], ['succeeded', 2]);
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where status = 'published'`,
  );
  assert.equal(rows[0].n, 24);
  assert.match((await editor.get(`/tasks/${undoId}`)).body, /2 put back/);
  assert.match((await editor.get(`/tasks/${id}`)).body, new RegExp(`Undone by task ${undoId}`));
});

test('pause and resume need no JavaScript, the page says who asked for them, and what has finished cannot be paused', async (t) => {
  const { editor, id, db, run, signIn } = await setUp(t);
  const signedInAdmin = await signIn('admin');
  assert.equal((await editor.post(`/tasks/${id}/pause`)).statusCode, 303);
  const blocker = await db.pages.connect();
  await blocker.query('begin');
  await blocker.query('select 1 from gazetteer.city where id = 40 for update');
  const running = await launchAs(editor, 25, {
    from: 31,
    body: { field: 'notes', 'value.notes': 'x' },
  });
  const until = async (state: string) => {
    for (let tries = 0; tries < 200; tries++) {
      if (
        (await editor.get(`/tasks/${running}`, { accept: 'application/json' })).json().state ===
        state
      )
        return;
      await new Promise((done) => setTimeout(done, 20));
    }
    blocker.release(true);
    assert.fail(`it is not ${state}`);
  };
  await run(async () => {
    await until('running');
    assert.match((await editor.get(`/tasks/${running}`)).body, /action="\/tasks\/\d+\/pause[?"]/);
    assert.equal((await editor.post(`/tasks/${running}/pause`)).statusCode, 303);
    await blocker.query('rollback');
    await until('paused');
    blocker.release();
    assert.match(
      (await editor.get(`/tasks/${running}`)).body,
      /action="\/tasks\/\d+\/resumption[?"]/,
    );
    await signedInAdmin.post(`/tasks/${running}/resumption`);
    assert.match(
      (await editor.get(`/tasks/${running}`)).body,
      /Events[\s\S]+>paused by Editor<[\s\S]+>resumed by Admin</,
    );
    assert.equal((await finished(db, running, 10_000)).state, 'succeeded');
  });
});

test('somebody else’s task has no failures, no CSV, no undo and no retry', async (t) => {
  const { id, signIn } = await setUp(t);
  const viewer = await signIn('viewer');
  for (const path of ['failures', 'failures.csv', 'undo'])
    assert.equal((await viewer.get(`/tasks/${id}/${path}`)).statusCode, 404);
  for (const path of ['retry', 'undo', 'pause'])
    assert.equal((await viewer.post(`/tasks/${id}/${path}`, { _op: 'x' })).statusCode, 404);
});
