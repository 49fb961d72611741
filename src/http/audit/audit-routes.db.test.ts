import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AuditEntry, writeEntry } from '../../audit/entry.ts';
import { withOrigin } from '../../audit/origin.ts';
import { sealer } from '../../audit/seal-entries.ts';
import { countStatements, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';
import { auditFilters } from './audit-query.ts';

const json = { accept: 'application/json' };
const ann = { id: 'ann', name: 'Ann Lee' };
const bob = { id: 'bob', name: 'Bob' };
const keyOf = (id: number) => String(id).padStart(20, '0');

/** Each said by another column. */
const given: readonly [AuditEntry, string, Date][] = [
  [{ act: 'signed-in', by: ann }, '10.0.0.1', new Date('2026-01-30T23:30Z')],
  [
    { act: 'sign-in-failed', by: null, details: { email: 'x@y.z' } },
    '10.0.0.2',
    new Date('2026-01-31T10:00Z'),
  ],
  [
    {
      act: 'record-changed',
      by: ann,
      resource: 'cities',
      record: keyOf(7),
      details: { fields: ['name'] },
    },
    '10.0.0.1',
    new Date('2026-02-01T00:00Z'),
  ],
  [
    { act: 'record-deleted', by: bob, resource: 'cities', record: keyOf(8) },
    '10.0.0.2',
    new Date('2026-02-01T10:00Z'),
  ],
  [
    { act: 'record-changed', by: bob, resource: 'countries', record: 'ESP' },
    '10.0.0.2',
    new Date('2026-02-02T10:00Z'),
  ],
  [
    {
      act: 'task-launched',
      by: bob,
      resource: 'cities',
      taskId: 4711,
      details: { title: 'Edit <cities>', records: 12_000 },
    },
    '10.0.0.3',
    new Date('2026-02-03T10:00Z'),
  ],
];

async function setUp(t: TestContext): Promise<TestApp & { admin: Visitor; from: number }> {
  const app = await testApp(t);
  await insertPlaces(app.db, 10);
  const admin = await app.signIn('admin');
  const { db } = app;
  const { rows } = await db.pages.query<{ id: number }>(
    `select coalesce(max(id), 0)::int as id from ${db.t.audit_entry}`,
  );
  for (const [entry, address, at] of given) {
    await withOrigin({ kind: 'request', name: address, agent: 'Firefox' }, () =>
      writeEntry(db.pages, db, entry),
    );
    await db.pages.query(`alter table ${db.t.audit_entry} disable trigger user`);
    await db.pages.query(
      `update ${db.t.audit_entry} set at = $1 where id = (select max(id) from ${db.t.audit_entry})`,
      [at],
    );
    await db.pages.query(`alter table ${db.t.audit_entry} enable trigger user`);
  }
  return { ...app, admin, from: rows[0]?.id ?? 0 };
}

interface Shown {
  id: number;
  act: string;
}

test('each filter finds what it says, and nothing else', async (t) => {
  const { admin, from } = await setUp(t);
  // By the place in the list above, the latest first.
  const wanted: Record<string, number[]> = {
    'act=record-changed': [5, 3],
    'person=ann+LEE': [3, 1],
    'address=10.0.0.2': [5, 4, 2],
    'resource=cities': [6, 4, 3],
    'record=cities%2F7': [3],
    'record=countries%2FESP': [5],
    'task=4711': [6],
    'from=2026-02-01': [6, 5, 4, 3],
    'from=2026-01-31&to=2026-02-01': [4, 3, 2],
    'to=2026-01-31': [2, 1],
    'act=record-changed&person=bob&resource=countries': [5],
    'person=ann': [],
  };
  assert.deepEqual(
    [...new Set(Object.keys(wanted).flatMap((one) => [...new URLSearchParams(one).keys()]))].sort(),
    [...auditFilters].sort(),
  );
  for (const [query, places] of Object.entries(wanted)) {
    const { entries } = JSON.parse((await admin.get(`/tasks/audit?${query}`, json)).body);
    const found = (entries as Shown[]).filter(({ id }) => id > from);
    const found6 = found.map(({ id }) => id - from).filter((place) => place <= 6);
    assert.deepEqual(found6, places, query);
    const csv = (await admin.get(`/tasks/audit.csv?${query}`)).body.trim().split('\n');
    assert.equal(csv.length - 1, entries.length, query);
  }
  for (const wrong of [
    'act=none',
    'record=cities',
    'record=none%2F1',
    'task=x',
    'from=soon',
    'person=a&person=b',
    '_before=x',
  ])
    assert.equal((await admin.get(`/tasks/audit?${wrong}`)).statusCode, 422, wrong);
});

test('an entry says who, what, about what, from where and its seal, and is shown as text', async (t) => {
  const { admin, db } = await setUp(t);
  assert.match((await admin.get('/tasks/audit')).body, /Nothing is sealed yet\./);
  await sealer(db)(db.pages);
  await writeEntry(db.pages, db, { act: 'signed-out', by: { id: 'x', name: '<b>Eve' } });
  const { body } = await admin.get('/tasks/audit');
  assert.match(
    body,
    /Bob[\s\S]+Launched a task[\s\S]+Task #4711[\s\S]+Edit &lt;cities&gt;[\s\S]+12,000 records[\s\S]+10\.0\.0\.3/,
  );
  assert.match(body, /href="\/cities\/7"[^>]*>City 7</);
  assert.match(body, /href="\/cities\/8\/history"/);
  assert.match(body, /&lt;b&gt;Eve[\s\S]+Signed out[\s\S]+Waits for its seal/);
  assert.match(body, /somebody unknown[\s\S]+Failed to sign in[\s\S]+x@y\.z/);
  assert.match(body, /The chain ends at seal \d+:[\s\S]*?<code[^>]*>[0-9a-f]{64}</);
  const csv = (await admin.get('/tasks/audit.csv?record=cities/7')).body.trim().split('\n');
  assert.match(
    csv[0] ?? '',
    /id,at,act,principal_id,principal_name,origin,origin_name,agent,resource,record,task,details,seal/,
  );
  assert.match(
    csv[1] ?? '',
    /,record-changed,ann,Ann Lee,request,10\.0\.0\.1,Firefox,cities,7,,"\{""fields"":\[""name""\]\}",\d+$/,
  );
});

test('entries are paged from the latest on, each once, in three statements', async (t) => {
  const { admin, db } = await setUp(t);
  for (let n = 0; n < 120; n++)
    await writeEntry(db.pages, db, { act: 'signed-in', by: { id: 'many', name: 'Many' } });
  const seen: number[] = [];
  for (let query = '?person=many'; query !== ''; ) {
    const { result, statements } = await countStatements(db, () =>
      admin.get(`/tasks/audit${query}`),
    );
    assert.equal(statements.length, 3, 'the session, the entries, the head');
    const { entries } = JSON.parse((await admin.get(`/tasks/audit${query}`, json)).body);
    seen.push(...(entries as Shown[]).map(({ id }) => id));
    const next = /rel="next" href="\/tasks\/audit(\?[^"]+)"/.exec(result.body)?.[1] ?? '';
    query = next.replaceAll('&amp;', '&');
  }
  assert.equal(seen.length, 120);
  assert.deepEqual(
    [...new Set(seen)].sort((a, b) => b - a),
    seen,
  );
});

test('the audit is for admins: nobody else is led to it, or finds it there', async (t) => {
  const { admin, signIn } = await setUp(t);
  assert.match((await admin.get('/')).body, /href="\/tasks\/audit"/);
  for (const role of ['editor', 'viewer'] as const) {
    const visitor = await signIn(role);
    assert.doesNotMatch((await visitor.get('/')).body, /\/tasks\/audit/);
    for (const path of ['/tasks/audit', '/tasks/audit.csv'])
      assert.equal((await visitor.get(path)).statusCode, 404, `${role} ${path}`);
  }
});
