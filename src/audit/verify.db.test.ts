import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { auditKeys } from '../audit-keys.ts';
import type { Database } from '../db/database.ts';
import { transaction } from '../db/transaction.ts';
import { testAuditSecret, testDatabase } from '../testing/database.ts';
import { type AuditEntry, writeEntry } from './entry.ts';
import { forgetEntries } from './forget-entries.ts';
import { type StoredEntry, sealedText, storedColumns } from './seal.ts';
import { sealer } from './seal-entries.ts';
import { verifyAudit } from './verify.ts';

const ann = { id: 'ann', name: 'Ann' };
const edit = (record: string): AuditEntry => ({
  act: 'record-changed',
  by: ann,
  resource: 'cities',
  record,
  details: { fields: ['name', 'Größe'] },
});

/** So many entries, sealed in two goes. */
async function sealedEntries(t: TestContext, count = 300): Promise<Database> {
  const { db } = await testDatabase(t);
  const seal = sealer(db);
  for (let n = 1; n <= count; n++) {
    await writeEntry(db.pages, db, edit(String(n)));
    if (n === Math.floor(count / 2)) await seal(db.pages);
  }
  await seal(db.pages);
  assert.deepEqual(await problemOf(db), null);
  return db;
}

async function problemOf(db: Database, head?: string): Promise<string | null> {
  return (await verifyAudit(db, head)).problem;
}

/** As somebody does who may do everything to the tables. */
async function tamper({ pages, t }: Database, statement: string, values: unknown[] = []) {
  return transaction(pages, async (client) => {
    for (const table of [t.audit_entry, t.audit_seal, t.audit_checkpoint])
      await client.query(`alter table ${table} disable trigger user`);
    const result = await client.query(statement, values);
    for (const table of [t.audit_entry, t.audit_seal, t.audit_checkpoint])
      await client.query(`alter table ${table} enable trigger user`);
    return result;
  });
}

test('entries, seals and checkpoints are added alone', async (t) => {
  const db = await sealedEntries(t, 4);
  for (const table of [db.t.audit_entry, db.t.audit_seal]) {
    for (const statement of [
      `delete from ${table}`,
      `truncate ${table}`,
      table === db.t.audit_entry
        ? `update ${table} set act = 'signed-in'`
        : `update ${table} set hash = ''`,
    ])
      await assert.rejects(db.pages.query(statement), {
        code: '42501',
        message: /rows are added alone/,
      });
  }
  assert.deepEqual(await verifyAudit(db).then(({ sound, unsealed }) => [sound, unsealed]), [4, 0]);
});

test('what is changed in an entry, whichever of its columns it is, is found', async (t) => {
  const db = await sealedEntries(t, 40);
  const columns = {
    at: `at + interval '1 microsecond'`,
    act: `'record-deleted'`,
    principal_id: `'eve'`,
    principal_name: `'Eve'`,
    origin: `'request'`,
    origin_name: `'10.0.0.1'`,
    agent: `'Firefox'`,
    resource: `'countries'`,
    record: `'4711'`,
    task_id: '4711',
    details: `'{}'`,
    nonce: 'gen_random_uuid()',
    mark: `repeat('0', 64)`,
  };
  const { rows } = await db.pages.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and attname <> 'id' order by attnum`,
    [db.t.audit_entry],
  );
  assert.deepEqual(rows.map(({ name }) => name).sort(), Object.keys(columns).sort());
  const kept = await db.pages.query(
    `select to_jsonb(e) as row from ${db.t.audit_entry} e where id = 20`,
  );
  for (const [column, value] of Object.entries(columns)) {
    await tamper(db, `update ${db.t.audit_entry} set ${column} = ${value} where id = 20`);
    assert.match(
      (await problemOf(db)) ?? '',
      /^Entry 20 .* is not as it was when seal 20 was made/,
      column,
    );
    await tamper(
      db,
      `update ${db.t.audit_entry} set ${column} = was.${column} from jsonb_populate_record(null::${db.t.audit_entry}, $1) was where audit_entry.id = 20`,
      [kept.rows[0].row],
    );
  }
  // The restored text of a json column is written with other spaces: it is put back to the letter.
  await tamper(
    db,
    `update ${db.t.audit_entry} set details = (select details from ${db.t.audit_entry} where id = 19) where id = 20`,
  );
  assert.equal(await problemOf(db), null);
});

test('an entry that is deleted, with its seal or without, or inserted, or swapped with another is found', async (t) => {
  const db = await sealedEntries(t, 60);
  const casesOf = ({
    audit_entry: e,
    audit_seal: s,
  }: Database['t']): [string, string, RegExp][] => [
    ['deleted', `delete from ${e} where id = 17`, /^Entry 17, which seal 17 is of, was deleted\./],
    [
      'deleted with its seal',
      `with gone as (delete from ${e} where id = 17) delete from ${s} where entry_id = 17`,
      /^Seal 17 is gone: after 16 comes 18\./,
    ],
    [
      'inserted',
      `insert into ${e} (act, principal_id, principal_name, origin, details) values ('signed-in', 'ann', 'Ann', 'request', '{}')`,
      /was not written by Bulkhead: nobody signed it/,
    ],
    [
      'copied from another',
      `insert into ${e} (act, principal_id, principal_name, origin, resource, record, details, nonce, mark)
         select act, principal_id, principal_name, origin, resource, record, details, gen_random_uuid(), mark from ${e} where id = 5`,
      /was not written by Bulkhead: its mark is wrong/,
    ],
    [
      'inserted, with a seal from before the chain begins',
      `with forged as (insert into ${e} (act, principal_id, principal_name, origin) values ('signed-in', 'ann', 'Ann', 'request') returning id)
         insert into ${s} (position, entry_id, sealed_at, key, hash) select -4, id, now(), '', '' from forged`,
      /^Seal -4 was not made by Bulkhead: the chain begins after 0\./,
    ],
    [
      'two swapped',
      `update ${e} set record = case record when '10' then '11' else '10' end where id in (10, 11)`,
      /^Entry 10 .* is not as it was/,
    ],
    [
      'two seals swapped',
      `update ${s} seal set entry_id = -other.entry_id from ${s} other where seal.position in (10, 11) and other.position = 21 - seal.position`,
      /which seal 10 is of, was deleted/,
    ],
  ];
  for (const index of casesOf(db.t).keys()) {
    const one = await copyOf(db);
    const [what, statement, problem] = casesOf(one.t)[index] as [string, string, RegExp];
    await tamper(one, statement);
    assert.match((await problemOf(one)) ?? '', problem, what);
  }
});

test('a launch that nobody signs is of a task that has no other, and by SQL of nobody', async (t) => {
  const { db } = await testDatabase(t);
  const launch = () =>
    db.pages.query(`select ${db.t.task.replace('"task"', 'launch')}('noting', '{}')`);
  for (let n = 0; n < 3; n++) await launch();
  await sealer(db)(db.pages);
  assert.deepEqual(await verifyAudit(db).then(({ unsigned, problem }) => [unsigned, problem]), [
    3,
    null,
  ]);
  const again = await copyOf(db);
  await tamper(
    again,
    `insert into ${again.t.audit_entry} (act, principal_id, principal_name, origin, task_id) values ('task-launched', 'system:sql', 'system: sql', 'sql', 2)`,
  );
  assert.match(
    (await problemOf(again)) ?? '',
    /^Entry 2 .* tells of task 2, which was not launched/,
  );
  await db.pages.query(`delete from ${db.t.task_event}`);
  await db.pages.query(`delete from ${db.t.task} where id = 2`);
  const forged = await copyOf(db);
  await tamper(
    forged,
    `insert into ${forged.t.audit_entry} (act, principal_id, principal_name, origin, task_id) values ('task-launched', 'ann', 'Ann', 'sql', 0)`,
  );
  assert.match((await problemOf(forged)) ?? '', /by Ann, .* was not written by Bulkhead/);
});

test('a trigger that is off is said, where nothing was changed yet', async (t) => {
  const db = await sealedEntries(t, 4);
  await db.pages.query(`alter table ${db.t.audit_seal} disable trigger audit_seal_kept_whole`);
  assert.match(
    (await problemOf(db)) ?? '',
    /^Nothing refuses changes of .*"audit_seal": a trigger/,
  );
});

test('an entry that was inserted is found when it has been sealed as well', async (t) => {
  const db = await sealedEntries(t, 6);
  await tamper(
    db,
    `insert into ${db.t.audit_entry} (act, principal_id, principal_name, origin) values ('signed-in', 'ann', 'Ann', 'request')`,
  );
  assert.equal((await sealer(db)(db.pages)).length, 1);
  assert.match(
    (await problemOf(db)) ?? '',
    /^Entry 7 \(signed-in by Ann, .*\) was not written by Bulkhead/,
  );
});

test('the last hundred cut off, or an earlier state put back, is sound by itself and found by the head that was noted', async (t) => {
  const db = await sealedEntries(t, 300);
  const { head } = await verifyAudit(db);
  assert.equal(head.position, 300);
  assert.equal(await problemOf(db, head.hash), null);
  await tamper(
    db,
    `with gone as (delete from ${db.t.audit_seal} where position > 200 returning entry_id) delete from ${db.t.audit_entry} where id in (select entry_id from gone)`,
  );
  assert.equal(await problemOf(db), null);
  const cutOff =
    /^The head [0-9a-f]{64} is not in the chain, which ends at seal 200: what came last was cut off, or an earlier state/;
  assert.match((await problemOf(db, head.hash)) ?? '', cutOff);
  // The tables as they were, and what has been done since.
  for (let n = 0; n < 150; n++) await writeEntry(db.pages, db, edit(`again ${n}`));
  await sealer(db)(db.pages);
  assert.equal(await problemOf(db), null);
  assert.match(
    (await problemOf(db, head.hash)) ?? '',
    /is not in the chain, which ends at seal 350/,
  );
});

test('all of it made anew by somebody who has no secret is found at the first link', async (t) => {
  const db = await sealedEntries(t, 30);
  const forger = auditKeys(['another secret that is long enough, too']);
  await tamper(
    db,
    `update ${db.t.audit_entry} set principal_id = 'eve', principal_name = 'Eve' where id = 12`,
  );
  const { rows } = await db.pages.query<StoredEntry>(
    `select ${storedColumns} from ${db.t.audit_entry} entry order by id`,
  );
  const { rows: keys } = await db.pages.query<{ key: string }>(
    `select key from ${db.t.audit_seal} limit 1`,
  );
  // The name of the secret is no secret.
  const key = keys[0]?.key ?? '';
  await tamper(db, `delete from ${db.t.audit_seal}`);
  let before = { position: 0, hash: '' };
  for (const entry of rows) {
    const hash = forger.sign(sealedText(before, entry.atMicros, key, entry)) as string;
    before = { position: before.position + 1, hash };
    await tamper(
      db,
      `insert into ${db.t.audit_seal} (position, entry_id, sealed_at, hash, key) select $1, $2, to_timestamp(0) + $3::bigint * interval '1 microsecond', $4, $5`,
      [before.position, entry.id, entry.atMicros, hash, key],
    );
  }
  assert.match((await problemOf(db)) ?? '', /^Entry 1 .* is not as it was when seal 1 was made/);
});

test('what another secret signed before is known as long as that is named behind', async (t) => {
  const db = await sealedEntries(t, 6);
  const newer = {
    ...db,
    auditKeys: auditKeys(['a newer secret that is long enough', testAuditSecret]),
  };
  await writeEntry(db.pages, newer, edit('7'));
  await sealer(newer)(db.pages);
  assert.deepEqual(await verifyAudit(newer).then(({ sound, problem }) => [sound, problem]), [
    7,
    null,
  ]);
  assert.match((await problemOf(db)) ?? '', /^Seal 7 was made with a secret that is not among/);
  await writeEntry(db.pages, db, edit('8'));
  const seal = sealer(db);
  await assert.rejects(seal(db.pages), { code: 'other-secret' });
  assert.deepEqual(await seal(db.pages), []);
});

test('what was written before there was a secret is sealed as it is, and nothing unsigned after that', async (t) => {
  const { db } = await testDatabase(t);
  const without = { ...db, auditKeys: auditKeys([]) };
  for (let n = 1; n <= 3; n++) await writeEntry(db.pages, without, edit(String(n)));
  assert.deepEqual(await sealer(without)(db.pages), []);
  assert.match((await problemOf(without)) ?? '', /^There is no secret/);
  // Of somebody else's task, as an admin's is who cancels it.
  await db.pages.query(`select ${db.t.task.replace('"task"', 'launch')}('noting', '{}')`);
  await writeEntry(db.pages, without, { act: 'task-cancelled', by: ann, taskId: 1 });
  const seal = sealer(db);
  assert.equal((await seal(db.pages)).length, 5);
  assert.deepEqual(
    await verifyAudit(db).then(({ problem, early, unsigned }) => [problem, early, unsigned]),
    [null, 5, 0],
  );
  const begun = await copyOf(db);
  await tamper(begun, `update ${begun.t.audit_checkpoint} set entry_id = 4711`);
  assert.match((await problemOf(begun)) ?? '', /^The checkpoint at 0 was made by somebody else/);
  await writeEntry(db.pages, without, edit('4'));
  assert.match((await problemOf(db)) ?? '', /^Entry 6 .* nobody signed it, so a process without/);
  await seal(db.pages);
  assert.match((await problemOf(db)) ?? '', /^Entry 6 .* nobody signed it, so a process without/);
});

test('what has been kept long enough is forgotten up to a signed checkpoint, and the rest is verified from there', async (t) => {
  const db = await sealedEntries(t, 20);
  const { head } = await verifyAudit(db);
  assert.equal(await forgetEntries(db, db.pages, 1), 0);
  // All of them were sealed now; time is let pass by looking from later on.
  assert.equal(await forgetEntries(db, db.pages, 0), 20);
  const { rows } = await db.pages.query(`select act, details from ${db.t.audit_entry}`);
  assert.deepEqual(rows, [{ act: 'entries-forgotten', details: { count: 20, upTo: 20 } }]);
  for (let n = 0; n < 5; n++) await writeEntry(db.pages, db, edit(`later ${n}`));
  await sealer(db)(db.pages);
  const verified = await verifyAudit(db, head.hash);
  assert.deepEqual(
    [verified.sound, verified.problem, verified.checkpoint?.position, verified.head.position],
    [6, null, 20, 26],
  );
  const gone = await copyOf(db);
  await tamper(gone, `delete from ${gone.t.audit_checkpoint} where position = 20`);
  assert.match((await problemOf(gone)) ?? '', /^Seal 1 is gone: after 0 comes 21\./);
  const moved = await copyOf(db);
  await tamper(
    moved,
    `with gone as (delete from ${moved.t.audit_seal} where position <= 23) update ${moved.t.audit_checkpoint} set position = 23 where position = 20`,
  );
  assert.match((await problemOf(moved)) ?? '', /^The checkpoint at 23 was made by somebody else/);
  // Of checkpoints the last is all there is to keep.
  assert.equal(await forgetEntries(db, db.pages, 0), 6);
  const { rows: kept } = await db.pages.query(`select position::int from ${db.t.audit_checkpoint}`);
  assert.deepEqual(kept, [{ position: 26 }]);
  assert.equal(await problemOf(db), null);
});

test('what is not as it was is never forgotten, however old somebody makes it', async (t) => {
  const db = await sealedEntries(t, 20);
  const begun = await copyOf(db);
  await tamper(
    begun,
    `update ${begun.t.audit_seal} set sealed_at = sealed_at - interval '3000 days' where position <= 10`,
  );
  await assert.rejects(forgetEntries(begun, begun.pages, 730), {
    code: 'audit-broken',
    message: /^Nothing of the audit is forgotten\. Entry 1 .* is not as it was/,
  });
  assert.equal((await begun.pages.query(`select from ${begun.t.audit_entry}`)).rowCount, 20);
  // A checkpoint by somebody else, by which what nobody signed would be from before there was a secret.
  const given = await copyOf(db);
  await tamper(
    given,
    `insert into ${given.t.audit_checkpoint} (position, hash, entry_id, at, mark) values (1, '', 4711, now(), '')`,
  );
  await assert.rejects(forgetEntries(given, given.pages, 0), {
    code: 'audit-broken',
    message: /The checkpoint at 1 was made by somebody else/,
  });
  // What a seal outside the chain names does not go with it.
  const outside = await copyOf(db);
  await tamper(
    outside,
    `with forged as (insert into ${outside.t.audit_entry} (act, origin) values ('signed-in', 'request') returning id)
       insert into ${outside.t.audit_seal} (position, entry_id, sealed_at, key, hash) select -4, id, now(), '', '' from forged`,
  );
  assert.equal(await forgetEntries(outside, outside.pages, 0), 20);
  const { rows } = await outside.pages.query(
    `select act from ${outside.t.audit_entry} order by id`,
  );
  assert.deepEqual(rows, [{ act: 'signed-in' }, { act: 'entries-forgotten' }]);
  assert.match((await problemOf(outside)) ?? '', /^Seal -4 was not made by Bulkhead/);
});

test('without a secret, and without a chain, what is old enough is forgotten as it is', async (t) => {
  const { db } = await testDatabase(t);
  const without = { ...db, auditKeys: auditKeys([]) };
  for (let n = 1; n <= 3; n++) await writeEntry(db.pages, without, edit(String(n)));
  await tamper(db, `update ${db.t.audit_entry} set at = now() - interval '9 days' where id < 3`);
  assert.equal(await forgetEntries(without, db.pages, 8), 2);
  assert.equal((await sealer(db)(db.pages)).length, 1);
  assert.equal(await forgetEntries(without, db.pages, 0), 0);
});

test('what commits late, behind others, is sealed when it has, and what is rolled back never', async (t) => {
  const { db } = await testDatabase(t);
  let now = 1_000_000;
  t.mock.method(Date, 'now', () => now);
  const seal = sealer(db);
  const late = await db.pages.connect();
  await late.query('begin');
  await writeEntry(late, db, edit('late'));
  await assert.rejects(
    transaction(db.pages, async (client) => {
      await writeEntry(client, db, edit('rolled back'));
      throw new Error('no');
    }),
  );
  await writeEntry(db.pages, db, edit('quick'));
  assert.deepEqual(
    (await seal(db.pages)).map(({ record }) => record),
    ['quick'],
  );
  await late.query('commit');
  late.release();
  assert.deepEqual(await seal(db.pages), []);
  assert.equal((await verifyAudit(db)).unsealed, 1);
  now += 61_000;
  assert.deepEqual(
    (await seal(db.pages)).map(({ record }) => record),
    ['late'],
  );
  assert.deepEqual(
    await verifyAudit(db).then(({ sound, unsealed, problem }) => [sound, unsealed, problem]),
    [2, 0, null],
  );
});

test('four at once seal each entry once, in one chain', async (t) => {
  const { db } = await testDatabase(t);
  const sealers = Array.from({ length: 4 }, () => sealer(db));
  const writing = (async () => {
    for (let n = 0; n < 400; n++) await writeEntry(db.pages, db, edit(String(n)));
  })();
  let isOver = false;
  const sealed: number[] = [];
  const runs = sealers.map(async (seal) => {
    while (!isOver || (await verifyAudit(db)).unsealed > 0)
      for (const { id } of await seal(db.pages)) sealed.push(id);
  });
  await writing;
  isOver = true;
  await Promise.all(runs);
  assert.equal(new Set(sealed).size, 400);
  assert.equal(sealed.length, 400);
  assert.deepEqual(await verifyAudit(db).then(({ sound, problem }) => [sound, problem]), [
    400,
    null,
  ]);
});

/** The tables as they are, in a schema of their own. */
async function copyOf(db: Database): Promise<Database> {
  copies += 1;
  const schema = `copy_${copies}`;
  await db.pages.query(`create schema ${schema}`);
  const t = { ...db.t };
  for (const name of ['audit_entry', 'audit_seal', 'audit_checkpoint'] as const) {
    t[name] = `"${schema}"."${name}"`;
    await db.pages.query(`create table ${t[name]} (like ${db.t[name]} including all)`);
    await db.pages.query(`insert into ${t[name]} select * from ${db.t[name]}`);
    const kept = `execute function ${db.t.task.replace('"task"', 'audit_kept')}()`;
    await db.pages.query(
      `create trigger ${name}_kept before update or delete on ${t[name]} for each row ${kept};
       create trigger ${name}_kept_whole before truncate on ${t[name]} for each statement ${kept}`,
    );
  }
  return { ...db, t };
}
let copies = 0;
