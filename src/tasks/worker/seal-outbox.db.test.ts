import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { writeEntry } from '../../audit/entry.ts';
import { withOrigin } from '../../audit/origin.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { signedHeaders } from '../../signed-post.ts';
import { ada } from '../../testing/context.ts';
import { testAuditSecret, testDatabase } from '../../testing/database.ts';
import { startHookServer } from '../../testing/hook-server.ts';
import { install } from '../../testing/setting-levels.ts';
import { sealOutbox } from './seal-outbox.ts';

test('each entry is said in the log once it is sealed, and one that nobody signed as an error', async (t) => {
  const { db } = await testDatabase(t);
  const lines: [string, string, Record<string, unknown>][] = [];
  const log = (level: string, message: string, details: Record<string, unknown> = {}) =>
    void lines.push([level, message, details]);
  const outbox = sealOutbox(() => ({ db, log }), {});
  await withOrigin({ kind: 'request', name: '10.0.0.1' }, () =>
    writeEntry(db.pages, db, { act: 'record-changed', by: ada, resource: 'cities', record: '7' }),
  );
  assert.equal(await outbox.deliverNext(db.pages), true);
  assert.equal(await outbox.deliverNext(db.pages), false);
  const { head } = await verifyAudit(db);
  assert.equal(lines.length, 1);
  const [level, message, said] = lines[0] ?? [];
  assert.deepEqual([level, message], ['info', 'audit']);
  assert.deepEqual(
    [said?.act, said?.principalName, said?.originName, said?.record, said?.position, said?.hash],
    ['record-changed', 'Ada', '10.0.0.1', '7', 1, head.hash],
  );
  await db.pages.query(
    `insert into ${db.t.audit_entry} (act, principal_name, origin) values ('signed-in', 'Eve', 'request')`,
  );
  await outbox.deliverNext(db.pages);
  assert.deepEqual(
    lines.slice(1).map(([level, message]) => [level, message]),
    [
      ['info', 'audit'],
      ['error', 'an entry of the audit was not written by Bulkhead'],
    ],
  );
});

test('the head is sent signed to where the environment says, and again where it was not taken', async (t) => {
  const server = await startHookServer();
  t.after(() => server.stop());
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const { db, context } = await install(t, {
    env: { BULKHEAD_AUDIT_WEBHOOK_URL: server.url, BULKHEAD_WEBHOOK_SECRET: secret },
  });
  let now = Date.now();
  t.mock.method(Date, 'now', () => now);
  const outbox = context.outboxes.find(({ name }) => name === 'the audit');
  assert.ok(outbox);
  server.answers.push({ status: 503 });
  await writeEntry(db.pages, db, { act: 'signed-in', by: ada });
  await assert.rejects(outbox.deliverNext(db.pages), /answered 503/);
  now += 61_000;
  await outbox.deliverNext(db.pages);
  const { head } = await verifyAudit(db);
  const [, sent] = server.requests;
  const { type, data } = JSON.parse(sent?.body ?? '{}');
  assert.deepEqual([type, data], ['audit.head', head]);
  const {
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': signature,
  } = sent?.headers ?? {};
  const wanted = signedHeaders(secret, String(id), new Date(Number(at) * 1_000), sent?.body ?? '');
  assert.equal(signature, wanted['webhook-signature']);
  // Not more often than once a minute.
  await writeEntry(db.pages, db, { act: 'signed-out', by: ada });
  await outbox.deliverNext(db.pages);
  assert.equal(server.requests.length, 2);
  // That process ends with a head that it has not sent: the next one sends it.
  const next = sealOutbox(() => context, {
    BULKHEAD_AUDIT_WEBHOOK_URL: server.url,
    BULKHEAD_WEBHOOK_SECRET: secret,
  });
  await next.deliverNext(db.pages);
  assert.deepEqual(JSON.parse(server.requests[2]?.body ?? '{}').data, (await verifyAudit(db)).head);
});

test('what one process signs another verifies by the same secrets of the environment, and by others not', async (t) => {
  const older = 'an older secret that is long enough';
  const { db, context } = await install(t, {
    env: { BULKHEAD_AUDIT_SECRETS: `${testAuditSecret},${older}` },
  });
  await writeEntry(db.pages, db, { act: 'signed-in', by: ada });
  for (const { deliverNext } of context.outboxes) await deliverNext(db.pages);
  const verifiedBy = async (secrets: string) => {
    const other = await install(t, { env: { BULKHEAD_AUDIT_SECRETS: secrets } });
    return (await verifyAudit({ ...db, auditKeys: other.db.auditKeys })).problem;
  };
  assert.equal(await verifiedBy(testAuditSecret), null);
  assert.equal(await verifiedBy(`${older},${testAuditSecret}`), null);
  assert.match((await verifiedBy(older)) ?? '', /secret that is not among BULKHEAD_AUDIT_SECRETS/);
});
