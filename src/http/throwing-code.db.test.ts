import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webAddress } from '../../docs/examples/web-address.ts';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineResource, type FieldKind, kinds } from '../index.ts';
import { testApp } from '../testing/app.ts';
import { formOf } from '../testing/html-form.ts';
import { insertPlaces } from '../testing/places.ts';

function failsAt<T>(bad: unknown, value: unknown, answer: T): T {
  if (value === bad) throw new Error('the project’s own code failed');
  return answer;
}

test('a value that the project’s own code cannot show takes its cell away, and no page', async (t) => {
  const cities = defineResource(metadata, 'City', {
    columns: ['name', 'population', 'notes', 'size'],
    fields: {
      population: { format: (value) => failsAt(2, Number(value), `${value} people`) },
      notes: {
        kind: {
          ...webAddress,
          format: (value) => ({
            text: failsAt('broken', value, String(value ?? '')),
            align: 'start',
          }),
        },
      },
    },
    computed: {
      size: {
        needs: ['population'],
        value: ({ population }) => failsAt(2, Number(population), `size ${population}`),
        link: ({ population }) => failsAt(1, Number(population), '/cities'),
      },
    },
  });
  const resources = sample.resources.map((definition) =>
    definition.model === 'City' ? cities : definition,
  );
  const { db, signIn } = await testApp(t, { admin: { ...sample, schedules: [], resources } });
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set notes = 'broken' where id = 2`);
  const visitor = await signIn('admin');

  const list = await visitor.get('/cities');
  assert.equal(list.statusCode, 200);
  for (const text of ['1 people', '3 people', 'size 1', 'size 3'])
    assert.ok(list.body.includes(text), text);
  for (const label of ['Population', 'Notes', 'Size']) {
    assert.equal(list.body.split(`“${label}” cannot be shown</span>`).length - 1, 1, label);
  }
  assert.ok(!list.body.includes('own code failed'), 'what was thrown is for the log');
  const show = await visitor.get('/cities/2');
  assert.equal(show.statusCode, 200);
  assert.match(show.body, /“Population” cannot be shown/);
  const edit = await visitor.get('/cities/2/edit');
  assert.equal(edit.statusCode, 200);
  assert.equal(
    (await visitor.post('/cities/2/edit', { ...formOf(edit.body, 'record-form'), name: 'Changed' }))
      .statusCode,
    303,
  );
  assert.equal(
    (await visitor.post('/cities/1/edit', { notes: 'https://example.com/' })).statusCode,
    303,
  );
  await db.pages.query(
    `update ${db.t.change} set after = jsonb_set(after, '{0,notes}', '"broken"') where first_key like '%1' and after -> 0 ? 'notes'`,
  );
  for (const id of [1, 2])
    assert.equal((await visitor.get(`/cities/${id}/history`)).statusCode, 200);
  const { rows } = await db.pages.query('select name, notes from gazetteer.city where id = 2');
  assert.deepEqual(rows[0], { name: 'Changed', notes: 'broken' });
});

/** What an operator of a kind does when it is asked for a value, and what a kind gives of a text. */
const wrongAnswers: readonly (readonly [name: string, answer: () => unknown])[] = [
  ['throws', () => failsAt(1, 1, null)],
  ['nothing', () => undefined],
  ['promise', () => Promise.reject(new Error('later'))],
  ['text', () => 'name'],
  ['all', () => ({ value: {} })],
];

test('a kind that reads or compares by a wrong answer is said, and takes no page away', async (t) => {
  const operatorOf = ([name, answer]: (typeof wrongAnswers)[number]) => ({
    name,
    label: name,
    input: 'one' as const,
    value: null,
    includesEmpty: false,
    words: () => failsAt(1, 1, null),
    where: answer as never,
  });
  const kind: FieldKind = {
    ...kinds.text,
    name: 'wrong',
    parse: (input, field) =>
      (wrongAnswers.find(([name]) => name === input)?.[1]() as never) ??
      (input === 'nothing' ? undefined : kinds.text.parse(input, field)),
    operators: () => wrongAnswers.map(operatorOf),
  };
  const cities = defineResource(metadata, 'City', { fields: { notes: { kind } } });
  const others = sample.resources.filter(({ model }) => model !== 'City');
  const { db, signIn } = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...others] },
  });
  await insertPlaces(db, 3);
  const visitor = await signIn('admin');
  for (const [name] of wrongAnswers) {
    const list = await visitor.get(`/cities?notes-${name}=x`);
    assert.deepEqual([name, list.statusCode], [name, 422]);
    assert.ok(list.body.includes(`Notes cannot be compared by “${name}”.`), name);
    assert.equal((await visitor.get(`/cities/filter?notes-${name}=x`)).statusCode, 200, name);
    if (name === 'all') continue;
    const form = formOf((await visitor.get('/cities/2/edit')).body, 'record-form');
    const saved = await visitor.post('/cities/2/edit', { ...form, notes: name });
    assert.deepEqual([name, saved.statusCode], [name, 422]);
    assert.ok(saved.body.includes('Notes cannot be read. The log has the details.'), name);
  }
  const { rows } = await db.pages.query('select notes from gazetteer.city where id = 2');
  assert.deepEqual(rows, [{ notes: null }]);
});
