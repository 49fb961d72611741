import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { Client } from '../resources/client.ts';
import { defineResource } from '../resources/define-resource.ts';
import { t as control } from '../resources/form-inputs.ts';
import { DefinitionError } from '../resources/problems.ts';
import { buildRegistry } from '../resources/registry.ts';
import { defineTask, type TaskDefinition } from './define-task.ts';
import { buildTaskDefinitions } from './task-definitions.ts';

const right = { name: 'mail', params: z.object({ to: z.string() }), run: () => null };
const given = (options: Record<string, unknown>) => [
  defineTask({ ...right, ...options } as never) as TaskDefinition,
];

/** What is wrong, and what is said of it. */
const mistakes: readonly [unknown, RegExp][] = [
  [{}, /tasks must be a list of what defineTask makes/],
  [[{ ...right }], /Task mail: it was not made by defineTask/],
  [[null], /it was not made by defineTask/],
  [
    [defineTask(undefined as never)],
    /run must be a function[\s\S]+params must be a Standard Schema/,
  ],
  [[...given({}), ...given({})], /Task mail: another task has this name/],
  [given({ name: 'a b' }), /its name begins with a letter/],
  [
    given({ name: 'bulkhead:mail' }),
    /names that begin with “bulkhead:” are those of Bulkhead's own/,
  ],
  [given({ run: 'now' }), /run must be a function/],
  [given({ params: {} }), /params must be a Standard Schema validator/],
  [given({ concurency: 1 }), /concurency is no option. Did you mean "concurrency"\?/],
  [given({ title: ' ' }), /title must be a text that is not empty/],
  [given({ title: async () => 'x' }), /title must answer at once: it is async/],
  [given({ allowed: async () => true }), /allowed must answer at once: it is async/],
  [given({ retryOn: async () => true }), /retryOn must answer at once/],
  [given({ unique: { key: async () => 'x' } }), /unique.key must answer at once/],
  [
    given({ unique: { policy: 'wait' } }),
    /unique.policy must be one of existing, refuse, after, replace/,
  ],
  [given({ unique: { keys: () => 'x' } }), /unique.keys is no option. Did you mean "key"\?/],
  [given({ concurrency: 0 }), /concurrency must be a whole number from 1/],
  [given({ concurrency: { key: () => 'x' } }), /concurrency needs max/],
  [given({ concurrency: { max: 1, key: async () => 'x' } }), /concurrency.key must answer at once/],
  [given({ rate: { max: 3 } }), /rate needs perMs/],
  [given({ queue: 'bulk' }), /queue must be a name of letters/],
  [given({ queue: 'a b' }), /queue must be a name of letters/],
  [given({ version: 0 }), /version must be a whole number from 1/],
  [given({ version: 2, migrate: 'it' }), /migrate must be a function/],
  [given({ migrate: () => null }), /migrate needs a version of 2 or more/],
  [given({ resultReuseMs: 0 }), /resultReuseMs must be a number, at least 1/],
  [given({ resultReuseMs: 9, keepResult: false }), /resultReuseMs needs its result/],
  [given({ resultReuseMs: 9, keepMs: 8 }), /resultReuseMs must not be longer than keepMs/],
  [given({ keepMs: '1 day' }), /keepMs must be a number/],
  [given({ secret: [] }), /secret must be a list of places/],
  [given({ secret: ['auth..key'] }), /secret must be a list of places/],
  [given({ secret: ['to'] }), /secret needs a key: set BULKHEAD_ENCRYPTION_KEYS/],
  [given({ attempts: 0 }), /attempts must be a whole number from 1/],
  [given({ backoff: { factor: 0.5 } }), /backoff.factor must be a number, at least 1/],
  [given({ expireAfterMs: '5' }), /expireAfterMs must be a number/],
  [given({ undo: true }), /undo must be a function/],
  [given({ affects: 'cities' }), /affects must be a function/],
  [
    given({ affects: () => [], overlap: 'skip' }),
    /Task mail: overlap must be one of wait, refuse\./,
  ],
  [given({ overlap: 'refuse' }), /overlap is of what affects says, which is missing/],
  [given({ locks: false }), /locks must be an object/],
  [given({ locks: {} }), /locks needs off/],
  [given({ locks: { off: true } }), /locks.off must be a text that is not empty/],
  [given({ priority: 1.5 }), /priority must be a whole number/],
];

const defaults = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000 };
const gazetteer = [defineResource(metadata, 'City', {})];
const administered = buildRegistry(gazetteer, () => ({}) as Client, new pg.Pool(), defaults);

const button = (options: Record<string, unknown>) =>
  given({ launchable: { allowed: () => true, ...options } });
const onCities = { on: 'record', resource: 'cities', params: () => ({}) };

/** Of buttons, with what is administered: cities, which have a status. */
const wrongButtons: readonly [unknown, RegExp][] = [
  [given({ launchable: true }), /launchable must be an object/],
  [given({ launchable: {} }), /launchable needs allowed/],
  [button({ allowed: async () => true }), /launchable.allowed must answer at once/],
  [button({ on: 'row' }), /launchable.on must be one of record, list, tasks/],
  [button({ lable: 'x' }), /launchable.lable is no option. Did you mean "label"\?/],
  [button({ icon: 'plya' }), /launchable.icon: lucide has no icon "plya"/],
  [button({ resource: 'cities' }), /resource and set are of a button on a record or a list/],
  [button({ on: 'list' }), /launchable.resource must be the slug of a resource/],
  [
    button({ on: 'list', resource: 'citys' }),
    /there is no resource "citys". Did you mean "cities"\?/,
  ],
  [button({ ...onCities, params: undefined }), /launchable.params is needed/],
  [
    button({ on: 'list', resource: 'cities', set: {} }),
    /launchable.set is of a button on a record/,
  ],
  [
    button({ ...onCities, set: { staus: 'draft' } }),
    /City has no field "staus". Did you mean "status"\?/,
  ],
  [button({ ...onCities, set: { status: 'drafd' } }), /launchable.set.status: /],
  [button({ ...onCities, set: { id: 1 } }), /City has no field "id"/],
  [button({ form: { to: 'text' } }), /launchable.form.to must be made by t/],
  [button({ form: { 'a b': control.text() } }), /launchable.form.a b must be a name of letters/],
  [
    button({ form: { to: control.text({ helb: 'x' } as never) } }),
    /launchable.form.to.helb there is no such option/,
  ],
];

for (const [tasks, sentence] of wrongButtons)
  test(`a start is refused for a button: ${sentence.source}`, () => {
    assert.throws(
      () => buildTaskDefinitions(tasks as TaskDefinition[], null, administered),
      sentence,
    );
  });

test('a button of each kind is let through', () => {
  const tasks = [
    ...button({ ...onCities, set: { status: 'draft', notes: null }, form: { to: control.text() } }),
  ];
  assert.equal(buildTaskDefinitions(tasks, null, administered).size, 1);
});

for (const [tasks, sentence] of mistakes)
  test(`a start is refused: ${sentence.source}`, () => {
    assert.throws(
      () => buildTaskDefinitions(tasks as TaskDefinition[]),
      (error) => {
        assert.ok(error instanceof DefinitionError, String(error));
        assert.match(error.message, sentence);
        return true;
      },
    );
  });

test('all that is wrong with tasks is said at once', () => {
  const wrong = [...given({ attempts: 0, priority: 1.5 }), ...given({ name: 'other', queue: '' })];
  assert.throws(
    () => buildTaskDefinitions(wrong),
    (error) => {
      for (const part of ['attempts', 'priority', 'queue'])
        assert.match((error as Error).message, new RegExp(`${part} must be`));
      return true;
    },
  );
});
