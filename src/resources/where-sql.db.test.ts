import assert from 'node:assert/strict';
import test from 'node:test';
import { query, sql, statementOf } from '../db/sql.ts';
import { testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import type { Where } from './client.ts';
import { delegateOf } from './delegate.ts';

test('a where as SQL', async (t) => {
  const { db } = await testDatabase(t, { seeded: true });
  const context = testContext(db);

  const wheres: Record<string, Where> = {
    everything: {},
    nothing: { OR: [] },
    'a related field, a list of decimals, an enum and a date': {
      AND: [
        { country: { name: { startsWith: 'S' } } },
        { NOT: { rating: { in: ['1.5', '2.5'] } } },
        { status: 'draft' },
        { updatedAt: { lt: new Date('2100-01-01T00:00:00Z') } },
      ],
    },
    'text without regard to case, with a wildcard in it': {
      name: { contains: 'Y\\%o', mode: 'insensitive' },
    },
    'text that looks like a parameter': { name: { in: ['$1', "O'Fallon", 'York'] } },
    'ten thousand keys less some': {
      AND: [
        { id: { in: Array.from({ length: 10_000 }, (_, id) => id) } },
        { NOT: { id: { in: [3, 4, 5] } } },
      ],
    },
    'many-to-many': { tags: { none: { name: 'x' } } },
  };

  for (const [name, where] of Object.entries(wheres)) {
    await t.test(`finds what Prisma finds: ${name}`, async () => {
      const { model } = context.registry.get('cities');
      const matching = await context.registry.whereSql(model, where);
      const { rows } = await query<{ id: number }>(
        db.pages,
        sql`select id from (${matching}) found order by id`,
      );
      const expected = await delegateOf(context.registry.client, model).findMany({
        where,
        select: { id: true },
        orderBy: { id: 'asc' },
      });
      assert.deepEqual(rows, expected);
    });
  }

  await t.test('statements asked for at once are not mixed up', async () => {
    const { model } = context.registry.get('cities');
    const asked = Array.from({ length: 20 }, (_, id) => context.registry.whereSql(model, { id }));
    const found = (await Promise.all(asked)).map(statementOf);
    assert.deepEqual(
      found.map(({ values }) => Number(values[0])),
      asked.map((_, id) => id),
    );
  });

  await t.test('too many values for one statement are refused by name', async () => {
    const { model } = context.registry.get('cities');
    const many = { id: { in: Array.from({ length: 40_000 }, (_, id) => id) } };
    for (const where of [many, { AND: [many, { NOT: many }] }])
      await assert.rejects(context.registry.whereSql(model, where), {
        name: 'AppError',
        code: 'too-many-values',
        status: 422,
      });
  });
});
