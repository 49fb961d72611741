import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../metadata/keys.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { relatedLists } from './related-lists.ts';

test('what leads to a record is listed from both ends of a relation of several columns', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const listsOf = async (model: string, id: Record<string, unknown>) => {
    const resource = registry.listFor(ada).find((candidate) => candidate.model.name === model);
    assert.ok(resource);
    const lists = await relatedLists(registry, resource, ada, keyOf(resource.model, id));
    return Object.fromEntries(
      lists.map(({ field, count, records }) => [field.name, [count, records[0]?.title]]),
    );
  };
  const { rows } = await db.pages.query<{ count: number; first: string }>(
    `select count(*)::int as count, min(title) as first from "Odd-Schema"."Issue" where "tenantId" = 2 and "projectCode" = 'P1'`,
  );
  const project = await listsOf('Project', { tenantId: 2, code: 'P1' });
  assert.equal(project.issues?.[0], rows[0]?.count);
  const { rows: issues } = await db.pages.query<{ id: number }>(
    `select id from "Odd-Schema"."Issue" where "tenantId" = 2 and "projectCode" = 'P1' order by id limit 1`,
  );
  assert.deepEqual(await listsOf('Issue', { id: issues[0]?.id }), { project: [1, 'Project 2.1'] });
});

test('what leads to a record is looked for as long as there is time, and what there was none for is said', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const resource = registry.listFor(ada).find(({ model }) => model.name === 'Project');
  assert.ok(resource);
  const key = keyOf(resource.model, { tenantId: 2, code: 'P1' });
  // Each row of the related table takes its time, as those of a table without an index do together.
  await db.pages.query(`
    create function public.slow(text) returns text language plpgsql volatile cost 1 as $$ begin perform pg_sleep(0.2); return $1; end $$;
    alter table "Odd-Schema"."Issue" rename to "IssueRows";
    create view "Odd-Schema"."Issue" as select * from "Odd-Schema"."IssueRows" where slow('') = '';
  `);
  const started = performance.now();
  const lists = await relatedLists(registry, resource, ada, key, { all: 300, each: 100 });
  assert.ok(performance.now() - started < 5_000);
  const [issues] = lists.filter(({ field }) => field.name === 'issues');
  assert.deepEqual([issues?.count, issues?.records, issues?.given], [null, [], 'nothing']);
  // There was a connection of the pool, and it is as it was.
  assert.equal(
    (await registry.pool.query('show statement_timeout')).rows[0].statement_timeout,
    '0',
  );
});
