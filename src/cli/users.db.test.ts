import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUserId, getUser } from '../auth/find-users.ts';
import { findByPassword } from '../auth/sign-in.ts';
import { endedCommand } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';

test('people are made, listed, given and taken away by commands', async (t) => {
  const { db, connectionString } = await testDatabase(t);
  const run = async (...args: string[]) => {
    const env = { DATABASE_URL: connectionString, NODE_NO_WARNINGS: '1' };
    const { status, text } = await endedCommand(['bulkhead', '--', 'user', ...args], env);
    return [status, text.trim()] as const;
  };
  const of = async (email: string) => getUser(db, (await findUserId(db, email)) ?? '');
  const ada = ['--email', 'ada@x.example'];
  const eva = ['--email', 'Eva@x.example'];

  const made = await run(
    ...['create', ...ada, '--name', 'Ada', '--role', 'admin', '--password', 'long enough'],
  );
  assert.deepEqual(made, [0, 'ada@x.example can sign in as admin.']);
  const claims = '{"countries":["ESP"]}';
  const [status, text] = await run(
    ...['create', ...eva, '--name', 'Eva', '--role', 'editor,viewer', '--claims', claims],
  );
  assert.match(text, /^Eva@x\.example can sign in as editor, viewer with the password \S{16}$/);
  assert.equal(status, 0);
  assert.deepEqual((await of('eva@x.example')).claims, { countries: ['ESP'] });

  const [, lines] = await run('list');
  assert.match(
    lines,
    /^ada@x\.example {2}Ada {2}admin {2}{} {2}signed in never\neva@x\.example {2}Eva {2}editor,viewer {2}{"countries":\["ESP"\]} {2}signed in never$/,
  );
  const [, listed] = await run('list', '--json');
  assert.deepEqual(
    JSON.parse(listed).map(({ email }: { email: string }) => email),
    ['ada@x.example', 'eva@x.example'],
  );

  assert.deepEqual(await run('roles', ...eva, '--role', 'viewer'), [
    0,
    'Eva@x.example has the roles viewer.',
  ]);
  assert.deepEqual(await run('claims', ...eva, '--claims', '{}'), [
    0,
    'Eva@x.example has the claims {}.',
  ]);
  assert.deepEqual((await of('eva@x.example')).claims, {});
  assert.equal((await run('password', ...eva, '--password', 'another one'))[0], 0);
  assert.ok(await findByPassword(db, 'eva@x.example', 'another one'));
  assert.deepEqual(await run('sessions', ...eva), [0, 'Eva@x.example is signed in nowhere.']);
  await db.pages.query(
    `insert into ${db.t.session} (sid, sess, expire) select n, json_build_object('userId', $1::text, 'from', json_build_object('address', '10.0.0.' || n)), now() + interval '1 hour' from generate_series(1, 2) n`,
    [(await of('eva@x.example')).id],
  );
  assert.match(
    (await run('sessions', ...eva))[1],
    /^since an unknown time {2}until \S+Z {2}10\.0\.0\.1\nsince an unknown time {2}until \S+Z {2}10\.0\.0\.2$/,
  );
  assert.deepEqual(await run('sign-out', ...eva), [0, '2 sessions of Eva@x.example ended.']);
  assert.equal((await run('deactivate', ...eva))[0], 0);
  assert.ok((await of('eva@x.example')).deactivatedAt);
  assert.deepEqual(await run('activate', ...eva), [
    0,
    'Eva@x.example may sign in again, with the password of before.',
  ]);

  for (const [args, sentence] of [
    [['deactivate', ...ada], /^This is the last admin who may sign in: make another first\.$/],
    [['roles', ...ada, '--role', 'editor'], /^This is the last admin/],
    [['roles', ...eva, '--role', 'owner'], /^There is no role "owner"\./],
    [['claims', ...eva, '--claims', '[1]'], /^Claims are a JSON object/],
    [['sign-out', '--email', 'no@x.example'], /^There is no user no@x\.example\.$/],
    [['sessions'], /^--email EMAIL is missing\. See --help\.$/],
    [['toString'], /^There is no command "user toString"\. See --help\.$/],
    [
      ['pasword'],
      /^There is no command "user pasword"\. Did you mean "user password"\? See --help\.$/,
    ],
  ] as const) {
    const [failed, said] = await run(...args);
    const isMistyped = /--help|no role|Claims are/.test(said);
    assert.equal(failed, isMistyped ? 2 : 1, args.join(' '));
    assert.match(said, sentence);
  }

  const { rows } = await db.pages.query(
    `select act, principal_name as by, origin, details ->> 'email' as email from ${db.t.audit_entry} order by id`,
  );
  const by = { by: 'system: command', origin: 'command' };
  assert.deepEqual(rows, [
    { act: 'user-created', email: 'ada@x.example', ...by },
    ...[
      'user-created',
      'user-changed',
      'user-changed',
      'password-set',
      'sessions-ended',
      'user-deactivated',
      'user-activated',
    ].map((act) => ({ act, email: 'eva@x.example', ...by })),
  ]);
  assert.match(
    (await endedCommand(['bulkhead', '--', 'audit', 'verify'], { DATABASE_URL: connectionString }))
      .text,
    /^0 entries are as they were[\s\S]+8 entries wait for a seal\./m,
  );
});
