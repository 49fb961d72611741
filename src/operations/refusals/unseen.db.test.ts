import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError } from '../../errors.ts';
import { defineResource } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { undo } from '../../tasks/follow-ups/undo.ts';
import { saveContextOf } from '../../tasks/launching/save-context.ts';
import { listFailures } from '../../tasks/looking/queries.ts';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';
import { createRecord, updateRecord } from '../save-record.ts';

/** One place with a secret, and a trigger that tells what it sees. */
async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', { fields: { notes: { secret: true } } });
  const admin = { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] };
  const context = testContext(db, {}, {}, admin);
  const resource = context.registry.get('cities');
  await insertPlaces(db, 1);
  await db.pages.query(`
    update gazetteer.city set notes = 'pl4nted';
    create function gazetteer.tell() returns trigger language plpgsql as $$ begin
      if new.population > 100 or new.population < 0 or new.population = 1 and tg_op = 'UPDATE' then
        raise exception 'Nobody with % or % lives there: Key (notes)=(xy) is odd', new.notes, old.notes;
      end if;
      return new; end $$;
    create trigger tell before insert or update on gazetteer.city for each row execute function gazetteer.tell();`);
  const fieldOf = (name: string) =>
    resource.form.find((field) => field.name === name) ?? assert.fail(name);
  const values = (given: Record<string, unknown>) =>
    new Map(Object.entries(given).map(([name, value]) => [fieldOf(name), value] as const));
  return {
    context,
    site: { context, db, connectionString },
    resource,
    values,
    save: saveContextOf(context, resource, ada),
    key: keyOf(resource.model, { id: 1 }),
  };
}

const saidBy = async (work: Promise<unknown>): Promise<AppError> => {
  const error = await work.then(
    () => assert.fail('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, String(error));
  return error;
};

test('what the database says of a record that is saved is said without the secrets that are stored and typed', async (t) => {
  const { save, key, values } = await setUp(t);
  const stored = await saidBy(updateRecord(save, key, () => values({ population: 101 })));
  assert.equal(
    stored.message,
    'The database refused it: Nobody with … or … lives there: Key (notes)=(…) is odd',
  );
  const typed = values({ population: 101, notes: 'typed\nanew' });
  const { message } = await saidBy(updateRecord(save, key, () => typed));
  assert.match(message, /Nobody with …/);
  assert.doesNotMatch(message, /pl4nted|typed|anew/);
  const fresh = values({
    name: 'New',
    country: 'ESP',
    featureCode: 'PPL',
    population: 101,
    latitude: '0',
    longitude: '0',
    notes: 'typed',
  });
  assert.match(
    (await saidBy(createRecord(save, fresh))).message,
    /Nobody with … or <NULL> lives there/,
  );
});

test('what the database says to a task is said without secrets; of an undo, which writes what was, nothing', async (t) => {
  const { context, resource, key, site } = await setUp(t);
  const update = (population: string) =>
    launchOn(context, resource, { keys: [key] }, 'update', {
      field: 'population',
      'value.population': population,
    });
  const { details } = await saidBy(update('101'));
  assert.equal(
    details.failures?.[0]?.message,
    'Nobody with … or … lives there: Key (notes)=(…) is odd',
  );
  const { task } = await update('2');
  const undoing = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
  await workOff(site, undoing.task.id);
  assert.deepEqual(
    (await listFailures(site.db, undoing.task.id)).map(({ message }) => message),
    ['The database refused it (P0001).'],
  );
});
