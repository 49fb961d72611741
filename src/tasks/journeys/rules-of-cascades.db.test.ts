import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { ada } from '../../testing/context.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';

/** Tables that a foreign key writes to along with places, and how a rule of theirs is met. */
const cascades = {
  'emptied by a delete': {
    sql: `create table gazetteer.visit (city_id bigint references gazetteer.city on delete set null);
      create rule stays as on update to gazetteer.visit do instead nothing`,
    meets: { delete: true, update: false },
    said: /on the table visit, .*“stays”, .* changed/,
  },
  'put at its default by a delete': {
    sql: `create table gazetteer.visit (city_id bigint default null references gazetteer.city on delete set default);
      create rule stays as on update to gazetteer.visit do instead nothing`,
    meets: { delete: true, update: false },
    said: /on the table visit, .*“stays”, .* changed/,
  },
  'deleted along': {
    sql: `create table gazetteer.visit (city_id bigint references gazetteer.city on delete cascade);
      create rule stays as on delete to gazetteer.visit do instead nothing`,
    meets: { delete: true, update: false },
    said: /on the table visit, .*“stays”, .* deleted/,
  },
  'emptied by what is deleted along': {
    sql: `create table gazetteer.visit (id bigint primary key, city_id bigint references gazetteer.city on delete cascade);
      create table gazetteer.photo (visit_id bigint references gazetteer.visit on delete set null);
      create rule stays as on update to gazetteer.photo do instead nothing`,
    meets: { delete: true, update: false },
    said: /on the table photo, .*“stays”, .* changed/,
  },
  'moved by a change': {
    sql: `alter table gazetteer.city add constraint one unique (notes);
      create table gazetteer.visit (city_notes text references gazetteer.city (notes) on update cascade);
      create rule stays as on update to gazetteer.visit do instead nothing`,
    meets: { delete: false, update: true },
    said: /on the table visit, .*“stays”, .* changed/,
  },
  'written by nobody else: its rules are nobody’s concern': {
    sql: `create table gazetteer.visit (city_id bigint references gazetteer.city on delete cascade, city_notes text);
      create rule stays as on update to gazetteer.visit do instead nothing;
      create rule too as on delete to gazetteer.visit do also select 1`,
    meets: { delete: false, update: false },
    said: /./,
  },
};

for (const [name, { sql, meets, said }] of Object.entries(cascades)) {
  test(`a table with a rule is refused by name before anything is written, where it is ${name}`, async (t) => {
    const { context, db, signIn } = await testApp(t);
    await insertPlaces(db, 9);
    await db.pages.query(`update gazetteer.city set notes = 'notes ' || id; ${sql}`);
    const admin = await signIn('admin');
    const json = { accept: 'application/json' };
    const edit = { field: 'notes', 'change.notes': 'append', 'value.notes': '!' };
    const sentence = async (operation: 'edit' | 'delete', _do: string) => {
      const path = `/cities/bulk-${operation}?_s=${await selectAs(admin, 2)}`;
      const opened = (await admin.get(path)).body;
      const _op = /name="_op" value="([^"]+)"/.exec(opened)?.[1] ?? '';
      const body = operation === 'edit' ? edit : { acknowledge: 'yes' };
      return admin.post(path, { _op, _do, ...body }, _do === 'preview' ? {} : json);
    };
    const fromCode = (operation: 'update' | 'delete', keys: number[]) =>
      launchFromCode(context, {
        resource: 'cities',
        operation,
        parameters: operation === 'update' ? { notes: { append: '?' } } : {},
        keys,
        inline: true,
        principal: ada,
      });
    const refused = async (isMet: boolean, answer: { statusCode: number; body: string }) => {
      assert.equal(answer.statusCode === 422, isMet, `${answer.statusCode} ${answer.body}`);
      assert.ok(answer.statusCode < 500);
      if (isMet) assert.match(answer.body.replaceAll('&quot;', '"'), said);
    };
    const table = async () =>
      (await db.pages.query('select id, notes from gazetteer.city order by id')).rows;
    const before = await table();
    for (const _do of ['preview', 'launch']) {
      await refused(meets.update, await sentence('edit', _do));
      await refused(meets.delete, await sentence('delete', _do));
    }
    await refused(meets.update, await admin.post('/cities/8/edit', { notes: 'other' }));
    await refused(meets.delete, await admin.post('/cities/8/delete'));
    for (const operation of ['update', 'delete'] as const) {
      const launched = fromCode(operation, [operation === 'update' ? 6 : 7]);
      if (meets[operation])
        await assert.rejects(launched, { code: 'rewritten-table', message: said });
      else await launched;
    }
    const after = await table();
    if (meets.delete) assert.equal(after.length, before.length);
    if (meets.update)
      assert.deepEqual(
        after,
        before.filter(({ id }) => after.some((row) => row.id === id)),
      );
  });
}
