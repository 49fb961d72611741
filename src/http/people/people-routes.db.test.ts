import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Act, changeUser } from '../../auth/change-users.ts';
import { getUser, listUsers } from '../../auth/find-users.ts';
import { findByPassword } from '../../auth/sign-in.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { listSessions } from '../../auth/user-sessions.ts';
import { roles } from '../../auth/users.ts';
import { cookieOf, csrfOf, emailOf, formBody, testApp, testPassword } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';

const json = { accept: 'application/json' };

async function setUp(t: TestContext) {
  const site = await testApp(t);
  const { db, signIn } = site;
  const admin = await signIn('admin');
  const editor = await signIn('editor');
  const act: Act = { db, by: systemPrincipal('test') };
  const { id } = editor.principal;
  const path = `/tasks/people/${id}`;
  const open = async () => formOf((await admin.get(path)).body, 'person-form');
  const read = () => getUser(db, id);
  const all = async () =>
    (await listUsers(db, { text: '', role: null, state: null }, { page: 1, limit: 100 })).users;
  return { ...site, admin, editor, act, id, path, open, read, all };
}

test('people are there for admins alone: page, link and acts', async (t) => {
  const { admin, editor, id, all, path } = await setUp(t);
  const before = await all();
  assert.match((await admin.get('/')).body, /href="\/tasks\/people"/);
  assert.doesNotMatch((await editor.get('/')).body, /href="\/tasks\/people"/);
  for (const url of ['/tasks/people', '/tasks/people/new', path]) {
    assert.equal((await editor.get(url)).statusCode, 404, url);
    assert.equal((await admin.get(url)).statusCode, 200, url);
  }
  const acts = ['', '/password', '/deactivation', '/activation', '/sessions/ending'];
  for (const url of ['/tasks/people/new', ...acts.map((act) => `${path}${act}`)]) {
    const form = { name: 'Mine', password: testPassword, roles: ['admin'] };
    assert.equal((await editor.post(url, form)).statusCode, 404, url);
  }
  assert.deepEqual(await all(), before);
  assert.equal((await editor.get('/')).statusCode, 200);
  assert.equal((await admin.get('/tasks/people/x')).statusCode, 404);
  const { person, sessions } = (await admin.get(path, json)).json();
  assert.deepEqual([person.id, person.claims, sessions.length], [id, {}, 1]);
  assert.doesNotMatch((await admin.get('/tasks/people', json)).body, /scrypt/);
});

test('an admin adds somebody, and what cannot be used comes back as it was typed, without the password', async (t) => {
  const { admin, db } = await setUp(t);
  const typed = {
    name: 'Mia <M>',
    email: 'mia',
    roles: ['editor', 'viewer'],
    claims: '["ESP"]',
    password: 'long enough <x>',
  };
  const refused = await admin.post('/tasks/people/new', typed);
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /Claims are a JSON object/);
  const { _csrf, ...again } = formOf(refused.body, 'person-form');
  assert.deepEqual(again, {
    name: ['Mia <M>'],
    email: ['mia'],
    roles: ['editor', 'viewer'],
    claims: ['["ESP"]'],
    password: [''],
  });
  assert.doesNotMatch(refused.body, /long enough/);
  const next = { ...typed, claims: '{"countries": ["ESP"]}' };
  assert.match(
    (await admin.post('/tasks/people/new', next)).body,
    /This is not an email address\./,
  );
  const taken = await admin.post('/tasks/people/new', { ...next, email: emailOf('editor') });
  assert.deepEqual(
    [taken.statusCode, /id="email-error">There is already a user/.test(taken.body)],
    [409, true],
  );
  const added = await admin.post('/tasks/people/new', { ...next, email: 'Mia@x.example' });
  assert.equal(added.statusCode, 303);
  const mia = await findByPassword(db, 'mia@x.example', typed.password);
  assert.deepEqual(mia?.claims, { countries: ['ESP'] });
  assert.equal(added.headers.location, `/tasks/people/${mia?.id}`);
  const page = await admin.get(`/tasks/people/${mia?.id}`);
  assert.match(page.body, /Mia &lt;M&gt; was added\.[\s\S]+Signed in nowhere/);
});

test('a form that is behind is told what was changed, keeps what was typed, and then saves it', async (t) => {
  const { admin, act, id, path, open, read } = await setUp(t);
  const form = await open();
  await changeUser(act, id, { name: 'Theirs', roles: ['viewer'], claims: { a: 1 } });
  const mine = { ...form, _csrf: admin.csrf, name: 'Mine', email: 'mine@x.example' };
  const refused = await admin.post(path, mine);
  assert.equal(refused.statusCode, 409);
  for (const line of ['<li>Name: Theirs', '<li>Roles: Viewer', '<li>Claims: {&quot;a&quot;:1}'])
    assert.ok(refused.body.includes(line), line);
  assert.doesNotMatch(refused.body, /<li>Email/);
  assert.match(refused.body, /id="name-theirs">Somebody else set it to: Theirs/);
  assert.doesNotMatch(refused.body, /id="(roles|claims|email)-theirs"/);
  const again = formOf(refused.body, 'person-form');
  assert.deepEqual(
    [again.name, again.email, again.roles, JSON.parse(String(again.claims))],
    [['Mine'], ['mine@x.example'], ['viewer'], { a: 1 }],
  );
  assert.equal((await read()).name, 'Theirs');
  assert.equal((await admin.post(path, { ...again, _csrf: admin.csrf })).statusCode, 303);
  const { name, email, roles: own, claims } = await read();
  assert.deepEqual([name, email, own, claims], ['Mine', 'mine@x.example', ['viewer'], { a: 1 }]);
});

test('a role that the pages do not know stays where it is not unticked, and is given to nobody else', async (t) => {
  const { admin, db, id, path, open, read } = await setUp(t);
  await db.pages.query(`update ${db.t.user} set roles = '{editor,support}' where id = $1`, [id]);
  const form = await open();
  assert.deepEqual(form.roles, ['editor', 'support']);
  const renamed = { ...form, _csrf: admin.csrf, name: 'Eva' };
  assert.equal((await admin.post(path, renamed)).statusCode, 303);
  assert.deepEqual((await read()).roles, ['editor', 'support']);
  const other = await admin.post('/tasks/people/new', {
    ...{ name: 'Mia', email: 'mia@x.example', password: testPassword },
    roles: ['support'],
  });
  assert.match(other.body, /id="roles-error">A role is one of/);
  const less = { ...(await open()), _csrf: admin.csrf, roles: ['editor'] };
  assert.equal((await admin.post(path, less)).statusCode, 303);
  assert.deepEqual((await read()).roles, ['editor']);
});

test('what an admin takes from somebody is gone with their next request', async (t) => {
  const { admin, editor, path, open } = await setUp(t);
  assert.equal((await editor.get('/cities/new')).statusCode, 200);
  const saved = await admin.post(path, { ...(await open()), _csrf: admin.csrf, roles: 'viewer' });
  assert.equal(saved.statusCode, 303);
  assert.equal((await editor.get('/cities/new')).statusCode, 403);
  assert.equal((await admin.post(`${path}/deactivation`)).statusCode, 303);
  assert.equal((await editor.get('/')).headers.location, '/sign-in');
  assert.match(
    (await admin.get(path)).body,
    /may not sign in any more[\s\S]+Deactivated[\s\S]+Let in again/,
  );
  assert.equal((await admin.post(`${path}/activation`)).statusCode, 303);
  assert.equal((await editor.get('/')).statusCode, 303, 'sessions of before have ended');
});

test('admins are warned of changing themselves, do not deactivate themselves, and the last one stays', async (t) => {
  const { admin, act, editor, id } = await setUp(t);
  const own = `/tasks/people/${admin.principal.id}`;
  const page = (await admin.get(own)).body;
  assert.match(page, /This is you\./);
  assert.doesNotMatch(page, /deactivation/);
  assert.doesNotMatch((await admin.get(`/tasks/people/${id}`)).body, /This is you\./);
  const form = { ...formOf(page, 'person-form'), _csrf: admin.csrf, roles: ['editor'] };
  const last = await admin.post(own, form);
  assert.equal(last.statusCode, 409);
  assert.match(last.body, /id="roles-error">This is the last admin/);
  await changeUser(act, id, { roles: ['admin'] });
  const refused = await admin.post(`${own}/deactivation`, {}, json);
  assert.deepEqual([refused.statusCode, refused.json().error], [409, 'own-account']);
  const given = await admin.post(own, form);
  assert.deepEqual([given.statusCode, given.headers.location], [303, '/']);
  assert.equal((await admin.get('/tasks/people')).statusCode, 404);
  assert.equal((await editor.get('/tasks/people')).statusCode, 200);
});

test('sessions are ended one by one and all together; one’s own stays, also with a new password', async (t) => {
  const { admin, editor, id, path, signIn, db } = await setUp(t);
  const other = await signIn('editor');
  const [latest] = await listSessions(db, id, 1);
  const page = (await admin.get(path)).body;
  assert.match(page, /127\.0\.0\.1, lightMyRequest/);
  const end = `${path}/sessions/${latest?.id}/ending`;
  assert.ok(page.includes(end));
  assert.equal((await admin.post(end)).statusCode, 303);
  assert.deepEqual(
    [(await editor.get('/')).statusCode, (await other.get('/')).statusCode],
    [200, 303],
  );
  assert.equal((await admin.post(`${path}/sessions/ending`)).statusCode, 303);
  assert.equal((await editor.get('/')).statusCode, 303);
  assert.match((await admin.get(path)).body, /1 session has ended\.[\s\S]+Signed in nowhere/);

  const own = `/tasks/people/${admin.principal.id}`;
  const elsewhere = await signIn('admin');
  assert.match((await admin.get(own)).body, /This one/);
  assert.equal((await admin.post(`${own}/sessions/ending`)).statusCode, 303);
  assert.deepEqual(
    [(await admin.get('/')).statusCode, (await elsewhere.get('/')).statusCode],
    [200, 303],
  );
  const again = await signIn('admin');
  const short = await admin.post(`${own}/password`, { password: 'short' });
  assert.equal(short.statusCode, 422);
  assert.match(short.body, /id="password-error">A password needs at least/);
  const set = await admin.post(`${own}/password`, { password: 'another horse battery' });
  assert.equal(set.statusCode, 303);
  assert.deepEqual(
    [(await admin.get('/')).statusCode, (await again.get('/')).statusCode],
    [200, 303],
  );
  assert.ok(await findByPassword(db, emailOf('admin'), 'another horse battery'));
});

test('people are searched and filtered by the address, a page at a time, and what it cannot mean is refused', async (t) => {
  const { admin, db } = await setUp(t);
  await db.pages.query(
    `insert into ${db.t.user} (id, email, name, password_hash, roles)
     select gen_random_uuid(), 'p' || n || '@x.example', 'Person ' || n, 'none', '{viewer}' from generate_series(10, 64) n`,
  );
  const names = async (search: string) => {
    const { body } = await admin.get(`/tasks/people${search}`);
    return [...body.matchAll(/<a href="\/tasks\/people\/[\da-f-]+">([^<]+)/g)].map(
      ([, name]) => name,
    );
  };
  assert.deepEqual(await names('?role=admin'), ['Admin']);
  assert.deepEqual(await names('?_q=p64@'), ['Person 64']);
  assert.deepEqual(await names('?state=deactivated'), []);
  const first = await admin.get('/tasks/people?_q=person&role=viewer');
  assert.match(
    first.body,
    /rel="next" href="\/tasks\/people\?_q=person&amp;role=viewer&amp;_page=2"/,
  );
  assert.equal((await names('?_q=person&role=viewer&_page=2')).length, 5);
  for (const search of [
    '?_page=0',
    '?_page=x',
    '?role=owner',
    '?state=gone',
    '?_q=a&_q=b',
    '?_q=%00',
  ])
    assert.equal((await admin.get(`/tasks/people${search}`)).statusCode, 422, search);
});

test('a form that was sent after its session comes back with what was typed, but for the password', async (t) => {
  const { app, admin, db } = await setUp(t);
  await db.pages.query(`delete from ${db.t.session}`);
  const typed = { name: 'Typed with care', password: 'typed in secret', roles: [...roles] };
  const asked = await admin.post('/tasks/people/new', typed);
  assert.equal(asked.statusCode, 401);
  const kept = /name="kept" value="([^"]+)"/.exec(asked.body)?.[1] ?? '';
  const { payload, headers } = formBody({
    _csrf: csrfOf(asked.body),
    kept,
    email: emailOf('admin'),
    password: testPassword,
  });
  const back = await app.inject({
    method: 'POST',
    url: '/sign-in',
    payload,
    headers: { ...headers, cookie: cookieOf(asked) },
  });
  assert.equal(back.statusCode, 200);
  assert.match(back.body, /value="Typed with care"/);
  assert.doesNotMatch(back.body, /typed in secret/);
});
