import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../errors.ts';
import { keyOf } from '../../metadata/keys.ts';
import { saveContextOf } from '../../tasks/launching/save-context.ts';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { deleteRecord, updateRecord } from '../save-record.ts';

/**
 * Persons 1 to 3: each leads to the one before; what is done to person 2, and whether a field of
 * the form is to blame.
 */
const cases: readonly {
  name: string;
  sql: string;
  field: string | null;
  value?: string;
  words: RegExp;
}[] = [
  {
    name: 'a self-reference with RESTRICT, deleted',
    sql: `alter table PERSON drop constraint "MENTOR", add constraint "MENTOR" foreign key (mentor_id) references PERSON (id) on delete restrict`,
    field: null,
    words:
      /^Other records point at this person, and “MENTOR” does not allow that they point nowhere\./,
  },
  {
    name: 'a self-reference without an action, deleted',
    sql: `alter table PERSON drop constraint "MENTOR", add constraint "MENTOR" foreign key (mentor_id) references PERSON (id) deferrable initially deferred`,
    field: null,
    words:
      /^Other records point at this person, and “MENTOR” does not allow that they point nowhere\./,
  },
  {
    name: 'a value that is taken',
    sql: 'alter table PERSON add constraint once unique (name) deferrable',
    field: 'name',
    value: 'Person 3',
    words: /^Name is taken: another person has it already\.$/,
  },
  {
    name: 'a value that is taken, by an index of an expression',
    sql: 'create unique index once on PERSON (lower(name))',
    field: 'name',
    value: 'Person 3',
    words: /^Another record has the same already: “once” allows it once\./,
  },
  {
    name: 'a rule',
    sql: `alter table PERSON add constraint no_x check (name <> 'x')`,
    field: 'name',
    value: 'x',
    words: /^The database’s rule “no_x” does not allow it\./,
  },
];

for (const { name, sql, field, value, words } of cases) {
  test(`${name}: form and task say the same`, async (t) => {
    const { db } = await testDatabase(t, { content: 'torture' });
    const context = testContext(db, {}, { minAsyncRecords: 1_000 }, tortureAdmin);
    const people =
      context.registry.list.find(({ model }) => model.name === 'Person') ??
      assert.fail('no people');
    const constraint = `${people.model.dbTable}_mentor_id_fkey`;
    const place = (text: string) =>
      text.replaceAll('PERSON', people.model.table).replaceAll('MENTOR', constraint);
    await db.pages.query(`truncate ${people.model.table} cascade`);
    await db.pages.query(
      `insert into ${people.model.table} (id, name, mentor_id) select n, 'Person ' || n, nullif(n - 1, 0) from generate_series(1, 3) n`,
    );
    await db.pages.query(place(sql));
    const key = keyOf(people.model, { id: 2 });
    const save = saveContextOf(context, people, ada);
    const own = people.form.find((candidate) => candidate.name === field);
    const byForm = () =>
      own ? updateRecord(save, key, () => new Map([[own, value]])) : deleteRecord(save, key);
    const body: Record<string, unknown> = field
      ? { field, [`value.${field}`]: value }
      : { acknowledge: 'yes' };
    const byTask = () =>
      launchOn(context, people, { keys: [key] }, field ? 'update' : 'delete', body);
    const errorOf = async (work: () => Promise<unknown>): Promise<AppError> => {
      const error = await work().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof AppError, String(error));
      return error;
    };
    const form = await errorOf(byForm);
    const { fieldErrors = {} } = form.details;
    const task = await errorOf(byTask);
    const [failure] = task.details.failures ?? [];
    const expected = new RegExp(place(words.source));
    assert.match(failure?.message ?? '', expected);
    const said =
      Object.values(fieldErrors)[0] ?? form.message.replace(/ Nothing was changed\.$/, '');
    assert.equal(said, failure?.message);
    if (field === null) assert.deepEqual(fieldErrors, {});
  });
}
