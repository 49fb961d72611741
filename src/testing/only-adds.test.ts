import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notOnlyAdding, readOurMigrations } from './only-adds.ts';
import { countOfBase } from './rolling-base.ts';

test('migrations only add, so that code of before goes on beside that of now, and none locks a big table', async () => {
  const { before, since, countBefore } = await readOurMigrations();
  assert.equal(countBefore, countOfBase, 'none is put before those that are there');
  assert.ok(since.size > 0);
  for (const [name, script] of since) assert.deepEqual(notOnlyAdding(script, before), [], name);
});

const added = [
  'CREATE TABLE "shelf" ("id" UUID NOT NULL)',
  'CREATE UNIQUE INDEX "shelf_one" ON "shelf" ("id")',
  'ALTER TABLE "shelf" ADD CONSTRAINT "shelf_fk" FOREIGN KEY ("id") REFERENCES "task"("id")',
  'CREATE INDEX IF NOT EXISTS "task_shelf" ON "task" ("shelf") WHERE "shelf" IS NOT NULL',
  'CREATE INDEX "worker_shelf" ON "worker" ("shelf")',
  `ALTER TABLE "task" ADD COLUMN "shelf" TEXT, ADD COLUMN "place" TEXT[] NOT NULL DEFAULT '{}'`,
  'ALTER TABLE "worker" ADD COLUMN "at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()',
  `ALTER TABLE "task" ALTER COLUMN "backend" SET DEFAULT 'queue'`,
  `CREATE FUNCTION "shelve"() RETURNS INTEGER LANGUAGE sql AS 'select 1'`,
  '-- What it is for, drop table "task" or not\n',
];
const refused: Record<string, string[]> = {
  'add, and take away a release later': [
    'ALTER TABLE "task" DROP COLUMN "title"',
    'ALTER TABLE "task" RENAME COLUMN "title" TO "name"',
    'ALTER TABLE "task" ALTER COLUMN "title" TYPE VARCHAR(10)',
    'ALTER TABLE "task" ALTER COLUMN "title" SET NOT NULL',
    'ALTER TABLE "notice" ALTER COLUMN "task_id" DROP NOT NULL',
    'ALTER TABLE "task" ADD COLUMN "shelf" TEXT, DROP COLUMN "title"',
    'ALTER TABLE "task" ADD CONSTRAINT "one" UNIQUE ("title")',
    'ALTER TABLE "task" RENAME TO "run"',
  ],
  'without a default its rows are refused': [
    'ALTER TABLE "worker" ADD COLUMN "shelf" TEXT NOT NULL',
  ],
  'may write what this refuses': ['CREATE UNIQUE INDEX "one" ON "worker" ("host", "pid")'],
  'IF NOT EXISTS lets an operator build it before': ['CREATE INDEX "one" ON "change" ("at")'],
  'one transaction': ['CREATE INDEX CONCURRENTLY IF NOT EXISTS "one" ON "change" ("at")'],
  'a big table would be rewritten': [
    'ALTER TABLE "task" ADD COLUMN "at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()',
    'ALTER TABLE "task" ADD COLUMN "n" INTEGER GENERATED ALWAYS AS (1) STORED',
  ],
  'code of before deletes rows': [
    'ALTER TABLE "task" ADD COLUMN "by" INTEGER REFERENCES "user"("id")',
  ],
  'make one of another name': [`CREATE OR REPLACE FUNCTION "attempt_each"() RETURNS void AS ''`],
  'tables, columns, indexes and functions, and no more': [
    'DROP TABLE "alert"',
    'drop index "task_state"',
    `UPDATE "task" SET "title" = ''`,
    'DELETE FROM "change"',
    'TRUNCATE "alert"',
    'ALTER INDEX "one" RENAME TO "other"',
    'CREATE TRIGGER "one" BEFORE INSERT ON "task" FOR EACH ROW EXECUTE FUNCTION f()',
  ],
};

test('what would break code of before, or stop everybody, is refused, and whatever is not known to be right', async () => {
  const { before } = await readOurMigrations();
  for (const statement of added)
    assert.deepEqual(notOnlyAdding(`${statement};`, before), [], statement);
  for (const [why, statements] of Object.entries(refused))
    for (const statement of statements) {
      const found = notOnlyAdding(`${added[0]};\n${statement};\n`, before);
      assert.equal(found.length, 1, statement);
      assert.ok(found[0]?.includes(why), `${found[0]} is said for ${statement}`);
    }
});
