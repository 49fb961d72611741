import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { type AdminDefinition, defineResource } from '../index.ts';
import { testApp, type Visitor } from '../testing/app.ts';
import { fuzz } from '../testing/fuzz.ts';
import { selectAs } from '../testing/launch-as.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';
import { tortureAdmin } from '../testing/torture.ts';

// Whoever waited for a second connection while it held the only one would be answered 503.
for (const [name, options] of Object.entries({
  sample: {
    admin: sample,
    content: 'empty' as const,
    fill: ({ db }: { db: Parameters<typeof insertPlaces>[0] }) => insertPlaces(db, 60),
  },
  torture: { admin: tortureAdmin, content: 'torture' as const },
})) {
  test(`every route does with one connection: ${name}`, { timeout: 300_000 }, async (t) => {
    const { failures } = await fuzz(t, {
      name,
      seed: 20261128,
      count: 250,
      pagesPoolSize: 1,
      ...options,
    });
    assert.equal(failures.length, 0, failures.slice(0, 5).join('\n\n'));
  });
}

/**
 * Rules of the project's own, so that records are written through its client, in a transaction of
 * Prisma's.
 */
const ruled: AdminDefinition = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', { hooks: { beforeSave: () => undefined } }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
};

for (const [way, admin] of Object.entries({
  'the SQL path': sample,
  'the project’s client': ruled,
})) {
  for (const pagesPoolSize of [1, 3]) {
    test(`20 previews and 20 saves at once, by ${way} and a pool of ${pagesPoolSize}: all are answered`, async (t) => {
      const { db, signIn } = await testApp(t, { admin, pagesPoolSize });
      await insertPlaces(db, 60);
      const visitor = await signIn('admin');
      const previews = await inTurn(20, async () => {
        const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 30)}`;
        const answer = await visitor.post(path, {
          field: 'status',
          'value.status': 'published',
          _do: 'preview',
        });
        assert.equal(answer.statusCode, 303, answer.body);
        return String(answer.headers.location);
      });
      const shown = previews.map(async (path) => {
        const { statusCode, body } = await visitor.get(path);
        assert.equal(statusCode, 200, body);
        assert.match(body, /Every record was tried out/);
      });
      const saved = previews.map((_, index) => save(visitor, index + 31, `note ${index}`));
      await Promise.all([...shown, ...saved]);
      const { rows } = await db.pages.query(
        `select count(*)::int as count from gazetteer.city where notes like 'note %'`,
      );
      assert.deepEqual(rows, [{ count: 20 }]);
      assert.equal(
        (await db.pages.query(`select 1 from gazetteer.city where status = 'published'`)).rowCount,
        0,
      );
    });
  }
}

async function save(visitor: Visitor, id: number, notes: string): Promise<void> {
  const form = {
    name: `Place ${id}`,
    ...placeForm,
  };
  const answer = await visitor.post(`/cities/${id}/edit`, { ...form, notes });
  assert.equal(answer.statusCode, 303, answer.body);
}

async function inTurn<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let turn = 0; turn < count; turn++) results.push(await work());
  return results;
}
