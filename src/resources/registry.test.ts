import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { kinds } from '../fields/kinds.ts';
import type { Client } from './client.ts';
import { defineOperation } from './define-operation.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { defineEveryResource } from './every-model.ts';
import { t } from './form-inputs.ts';
import { DefinitionError } from './problems.ts';
import { buildRegistry } from './registry.ts';

const defaults = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000 };

/** As a program in JavaScript would give them: the compiler has not looked. */
function build(...given: [model: string, options: object][]) {
  const definitions = given.map(
    ([model, options]) => ({ metadata, model, options }) as unknown as ResourceDefinition,
  );
  return buildRegistry(definitions, () => ({}) as Client, new pg.Pool(), defaults);
}

function problemsOf(...given: [model: string, options: object][]): readonly string[] {
  try {
    build(...given);
    return [];
  } catch (error) {
    assert.ok(error instanceof DefinitionError, String(error));
    return error.problems;
  }
}

const operator = {
  name: 'host',
  label: 'is at',
  input: 'one',
  value: null,
  includesEmpty: false,
  where: () => ({ value: { name: 'x' } }),
};

const refused: [options: object, problem: string][] = [
  [{ titleField: 'nmae' }, 'titleField: City has no column "nmae". Did you mean "name"?'],
  [{ titleField: 'name', fields: { name: { hidden: true } } }, 'titleField: "name" is hidden.'],
  [{ columns: ['nmae'] }, 'columns: City has no field "nmae". Did you mean "name"?'],
  [{ columns: ['name', 'name'] }, 'columns: "name" is named twice.'],
  [
    { columns: ['tags.name'] },
    'columns: "tags" leads to no single record, so "tags.name" cannot be shown.',
  ],
  [
    { columns: ['country.regoin'] },
    'columns: Country has no column "regoin". Did you mean "region"?',
  ],
  [{ columns: ['notes'], fields: { notes: { hidden: true } } }, 'columns: "notes" is hidden.'],
  [
    { computed: { name: { needs: ['name'], value: () => 1 } } },
    'computed.name: a field has this name.',
  ],
  [
    { computed: { size: { needs: ['nmae'], value: () => 1 } } },
    'computed.size.needs: City has no column "nmae". Did you mean "name"?',
  ],
  [{ computed: { size: { needs: ['name'] } } }, 'computed.size.value: must be a function.'],
  [{ computed: { size: { value: () => 1 } } }, 'computed.size.needs: must be a list of fields.'],
  [{ filters: ['status', 'nmae'] }, 'filters: City has no field "nmae". Did you mean "name"?'],
  [{ search: ['population'] }, 'search: "population" is no text, and only texts are searched.'],
  [{ defaultSort: '-nmae' }, 'defaultSort: City has no field "nmae". Did you mean "name"?'],
  [
    { defaultSort: ['name', '-country.nmae'] },
    'defaultSort: Country has no column "nmae". Did you mean "name"?',
  ],
  [{ defaultSort: 'tags' }, 'defaultSort: "tags" cannot be sorted by.'],
  [{ form: ['name', 'updatedAt'] }, 'form: "updatedAt" cannot be written.'],
  [{ form: ['id'] }, 'form: "id" is filled in by the database; make it readOnly to show it.'],
  [{ form: [{ label: 'Names', fields: ['name'] }, 'name'] }, 'form: "name" is named twice.'],
  [{ show: ['nmae'] }, 'show: City has no field "nmae". Did you mean "name"?'],
  [{ fields: { nmae: {} } }, 'fields: City has no field "nmae". Did you mean "name"?'],
  [
    { fields: { name: { labell: 'x' } } },
    'fields.name.labell: there is no such option. Did you mean "label"?',
  ],
  [
    { fields: { country: { kind: kinds.text } } },
    'fields.country.kind: a relation has a kind of its own.',
  ],
  [
    { fields: { countryCode: { label: 'Land' } } },
    'fields.countryCode.label: this is the key of "country": say it there.',
  ],
  [{ colums: [] }, 'colums: there is no such option. Did you mean "columns"?'],
  [{ bulk: { field: [] } }, 'bulk.field: there is no such option. Did you mean "fields"?'],
  [
    { hooks: { onSave: () => undefined } },
    'hooks.onSave: there is no such option. Did you mean "save"?',
  ],
  [{ hooks: { save: 'mine' } }, 'hooks.save: must be a function.'],
  [{ permissions: ['list'] }, 'permissions: must be a function.'],
  [{ scope: {} }, 'scope: must be a function.'],
  [{ validate: {} }, 'validate: must be a function.'],
  [{ writeThrough: 'prisma' }, 'writeThrough: "prisma" is neither "sql" nor "client".'],
  [{ bulk: { fields: ['id'] } }, 'bulk.fields: "id" cannot be written.'],
  [
    { bulk: { fields: ['notes'] }, fields: { notes: { readOnly: true } } },
    'bulk.fields: "notes" is read-only.',
  ],
  [
    { bulk: { minAsyncRecords: 0 } },
    'bulk.minAsyncRecords: must be a whole number from 1 to 10000.',
  ],
  [{ bulk: { parallelism: 1.5 } }, 'bulk.parallelism: must be a whole number from 1 to 16.'],
  [{ bulk: { chunkSize: '9' } }, 'bulk.chunkSize: must be a whole number from 1 to 5000.'],
  [
    { bulk: { locks: { off: ' ' } } },
    'bulk.locks: must be "on", or { off } with the reason in words.',
  ],
  [
    { bulk: { reason: 'always' } },
    'bulk.reason: must be "never", "optional", or { requiredAbove } with a whole number.',
  ],
  [{ bulk: { runInBackground: true } }, 'bulk.runInBackground: must be a function.'],
  [
    { bulk: { background: false, minAsyncRecords: 5 } },
    'bulk.minAsyncRecords: has no effect, since bulk.background is false.',
  ],
  [
    { bulk: { background: false, runInBackground: () => true } },
    'bulk.runInBackground: is never asked, since bulk.background is false.',
  ],
  [
    { bulk: { background: false, unique: { policy: 'after' } } },
    'bulk.unique.policy: "after" may have to wait, and bulk.background is false.',
  ],
  [
    { bulk: { background: false, unique: { policy: 'replace' } } },
    'bulk.unique.policy: "replace" may have to wait, and bulk.background is false.',
  ],
  [
    { bulk: { unique: { policy: 'wait' } } },
    'bulk.unique.policy: must be one of existing, refuse, after, replace, start-over.',
  ],
  [
    { bulk: { unique: { key: async () => 'x' } } },
    'bulk.unique.key: must answer at once: it is async.',
  ],
  [
    { bulk: { minAsyncRecords: 5, runInBackground: () => true } },
    'bulk.minAsyncRecords: has no effect beside bulk.runInBackground.',
  ],
  ...['columns', 'show', 'filters', 'search'].map((key): [object, string] => [
    { [key]: ['notes'], fields: { notes: { secret: true } } },
    `${key}: "notes" is a secret, which is shown nowhere: if it is none, say fields.notes.secret: false.`,
  ]),
  [
    { titleField: 'notes', fields: { notes: { secret: true } } },
    'titleField: "notes" is a secret, which is shown nowhere: if it is none, say fields.notes.secret: false.',
  ],
  [
    { bulk: { fields: ['notes'] }, fields: { notes: { secret: true } } },
    'bulk.fields: "notes" is a secret, which is shown nowhere: if it is none, say fields.notes.secret: false.',
  ],
  [
    { defaultSort: 'notes', fields: { notes: { secret: true } } },
    'defaultSort: "notes" is a secret, which is shown nowhere: if it is none, say fields.notes.secret: false.',
  ],
  [{ fields: { notes: { secret: 'yes' } } }, 'fields.notes.secret: must be true or false.'],
  [
    { fields: { tags: { secret: true } } },
    'fields.tags.secret: a relation has no value of its own: say hidden.',
  ],
  [{ label: 5 }, 'label: must be a text.'],
  [{ columns: [] }, 'columns: must name one column at least.'],
  [{ columns: 'name' }, 'columns: must be a list of fields.'],
  [{ columns: ['name', 5] }, 'columns: must be a list of fields.'],
  [{ search: null }, 'search: must be a list of fields.'],
  [{ defaultSort: 5 }, 'defaultSort: must be a field, or a list of fields.'],
  [{ form: [5] }, 'form: must be a list of fields, or of groups: { label, help, fields }.'],
  [
    { show: [{ fields: ['name'] }] },
    'show: must be a list of fields, or of groups: { label, help, fields }.',
  ],
  [{ countLimit: '10' }, 'countLimit: must be a whole number from 1 to 10000000.'],
  [{ fields: 'name' }, 'fields: must be an object of fields.'],
  [{ fields: { name: true } }, 'fields.name: must be an object of options.'],
  [{ fields: { name: { see: true } } }, 'fields.name.see: must be a function.'],
  [{ fields: { name: { format: 'x' } } }, 'fields.name.format: must be a function.'],
  [
    { fields: { name: { kind: 'money' } } },
    'fields.name.kind: must be a kind: one of `kinds`, or your own made from one.',
  ],
  [
    { fields: { name: { kind: { name: 'money' } } } },
    'fields.name.kind: must be a kind: one of `kinds`, or your own made from one.',
  ],
  ...ofKind({ name: ' ' }, 'name: must be a text.'),
  ...ofKind({ name: undefined }, 'name: must be a text.'),
  ...ofKind({ formt: () => '' }, 'formt: there is no such member. Did you mean "format"?'),
  ...ofKind({ isSortable: 'no' }, 'isSortable: must be true or false.'),
  ...ofKind(
    { input: 'textt' },
    'input: must be one of text, number, checkbox, select, date-time, textarea, relation, relations, none. Did you mean "text"?',
  ),
  ...ofKind({ filter: true }, 'filter: must be one of choice, boolean, relation, range.'),
  ...ofKind({ parse: async () => ({ value: '' }) }, 'parse: must answer at once: it is async.'),
  ...ofKind({ operators: () => ({}) }, 'operators: must give a list.'),
  ...ofKind({ operators: () => assert.fail('down') }, 'operators: fails for name: down'),
  ...ofKind({ operators: () => ['is'] }, 'operators.no. 1: must be an object.'),
  ...ofOperator({ name: 'at-host' }, 'at-host.name: may have letters only.'),
  ...ofOperator({ label: undefined }, 'host.label: must be a text.'),
  ...ofOperator(
    { input: 'rang' },
    'host.input: must be one of none, one, many, range, span. Did you mean "range"?',
  ),
  ...ofOperator({ value: undefined }, 'host.value: must be a text, or null.'),
  ...ofOperator({ includesEmpty: null }, 'host.includesEmpty: must be true or false.'),
  ...ofOperator({ where: {} }, 'host.where: must be a function.'),
  ...ofOperator(
    { wheer: () => null },
    'host.wheer: there is no such member. Did you mean "where"?',
  ),
  ...ofKind({ operators: () => [operator, operator] }, 'operators.host: is there twice.'),
  [{ fields: { name: { align: 'right' } } }, 'fields.name.align: must be "start" or "end".'],
  [{ fields: { name: { hidden: 'no' } } }, 'fields.name.hidden: must be true or false.'],
  [{ bulk: true }, 'bulk: must be an object of options.'],
  [{ bulk: { delete: 'no' } }, 'bulk.delete: must be true or false.'],
  [{ bulk: { stopRatio: '0.5' } }, 'bulk.stopRatio: must be above 0 and at most 1.'],
  [{ slug: 'Städte' }, 'slug: "Städte" may have small letters, digits and hyphens.'],
  [{ slug: 'tasks' }, 'slug: "tasks" is taken by Bulkhead itself.'],
  [{ operations: [{}] }, 'operations: must be made by defineOperation.'],
  [{ operations: {} }, 'operations: must be a list of operations.'],
  [
    { operations: [own({ name: 'Mark it' })] },
    'operations.Mark it.name: may have small letters, digits and hyphens.',
  ],
  [
    { operations: [own({ name: 'undo' })] },
    'operations.undo.name: is the name of an operation of Bulkhead itself.',
  ],
  [{ operations: [own({}), own({})] }, 'operations.mark.name: is used twice.'],
  [{ operations: [own({ label: ' ' })] }, 'operations.mark.label: must be a text.'],
  [{ operations: [own({ icon: 'flagg' })] }, 'operations.mark.icon: lucide has no icon "flagg".'],
  [{ operations: [own({ icon: '../x' })] }, 'operations.mark.icon: lucide has no icon "../x".'],
  [
    { operations: [own({ on: ['list'] })] },
    'operations.mark.on: must be a list of "selection" and "record".',
  ],
  [{ operations: [own({ allowed: true })] }, 'operations.mark.allowed: must be a function.'],
  [
    { operations: [own({ form: { note: 'text' } })] },
    'operations.mark.form.note: must be made by t.',
  ],
  [
    { operations: [own({ form: { 'a.b': t.text() } })] },
    'operations.mark.form.a.b: may have letters, digits and underscores.',
  ],
  [
    { operations: [own({ needs: ['nmae'], refuse: () => null })] },
    'operations.mark.needs: City has no field "nmae". Did you mean "name"?',
  ],
  [
    { operations: [own({ needs: ['tags'], refuse: () => null })] },
    'operations.mark.needs: "tags" is no column.',
  ],
  [
    { operations: [own({ needs: ['name'] })] },
    'operations.mark.needs: is read by nobody, since there is no refuse.',
  ],
  [
    { operations: [own({ undo: () => null })] },
    'operations.mark.undo: must be "images" or "none".',
  ],
  [
    { operations: [own({ change: undefined })] },
    'operations.mark: says nothing of what is done: one of change, each, deletes.',
  ],
  [
    { operations: [own({ deletes: true })] },
    'operations.mark: says change and deletes: one of them.',
  ],
  [
    { operations: [own({ allowd: () => true })] },
    'operations.mark.allowd: there is no such option. Did you mean "allowed"?',
  ],
  [{ operations: [own({}, 'Tag')] }, 'operations.mark: is defined for Tag.'],
  [
    { operations: [own({ allowed: async () => true })] },
    'operations.mark.allowed: must answer at once: it is async.',
  ],
  [
    { operations: [own({ change: async () => ({}) })] },
    'operations.mark.change: must answer at once: it is async.',
  ],
  [
    { operations: [own({}), own({ name: 'flag', label: 'mark ' })] },
    'operations.flag.label: is the label of "mark" too.',
  ],
  [
    { operations: [own({ change: undefined, deletes: true })], bulk: { delete: false } },
    'operations.mark.deletes: is offered to nobody, since bulk.delete is false.',
  ],
  [
    { operations: [own({ name: 'm'.repeat(101) })] },
    `operations.${'m'.repeat(101)}.name: may have 100 characters at most.`,
  ],
  [
    { operations: [own({ label: 'M'.repeat(101) })] },
    'operations.mark.label: may have 100 characters at most.',
  ],
  ...inForm('', { ['__proto__']: t.text() }, '__proto__: is a word of JavaScript itself.'),
  ...inForm('', { __proto__: t.text() }, '__proto__: is a word of JavaScript itself.'),
  ...inForm('', { constructor: t.text() }, 'constructor: is a word of JavaScript itself.'),
  ...inForm(
    '',
    { ['a'.repeat(101)]: t.text() },
    `${'a'.repeat(101)}: may have 100 characters at most.`,
  ),
  ...inForm(
    'note.labell',
    t.text({ labell: 'Note' } as never),
    ': there is no such option. Did you mean "label"?',
  ),
  ...inForm('note.label', t.text({ label: 7 } as never), ': must be a text.'),
  ...inForm('note.required', t.date({ required: 'yes' } as never), ': must be true or false.'),
  ...inForm('note', t.number('Note' as never), ': must be an object of options.'),
  ...inForm('note', t.yesNo(null as never), ': must be an object of options.'),
  ...inForm('note.choices', t.choice('abc' as never), ': must be a list of texts.'),
  ...inForm('note.choices', t.choice(undefined as never), ': must be a list of texts.'),
  ...inForm('note.choices', t.choice([]), ': must be one at least.'),
  ...inForm('note.choices', t.choice([7] as never), ': must be texts.'),
  ...inForm('note.choices', t.choice(['a', ' ']), ': must be texts.'),
  ...inForm('note.choices', t.choice(['a', 'b', 'a']), ': "a" is there twice.'),
  ...inForm(
    'note.requird',
    t.choice(['a'], { requird: true } as never),
    ': there is no such option. Did you mean "required"?',
  ),
];

/** A field whose kind is like that of texts but for these, and what is said of it. */
function ofKind(more: object, said: string): typeof refused {
  const kind = { ...kinds.text, name: 'own', ...more };
  return [[{ fields: { name: { kind } } }, `fields.name.kind.${said}`]];
}

function ofOperator(more: object, said: string): typeof refused {
  return ofKind({ operators: () => [{ ...operator, ...more }] }, `operators.${said}`);
}

/** A form with one control `note`, or with these, and what is said of it. */
function inForm(at: string, given: object, reason: string): typeof refused {
  const form = at === '' ? given : { note: given };
  return [[{ operations: [own({ form })] }, `operations.mark.form.${at}${reason}`]];
}

/** An operation as a program in JavaScript would define it. */
function own(options: object, model: 'City' | 'Tag' = 'City') {
  const usual = { name: 'mark', label: 'Mark', icon: 'flag', change: () => ({}) };
  return defineOperation(metadata, model, { ...usual, ...options } as never);
}

for (const [options, problem] of refused) {
  test(`a start is refused: ${problem}`, () =>
    assert.deepEqual(problemsOf(['City', options]), [`Resource City, ${problem}`]));
}

test('a unique field cannot be changed in bulk', () => {
  const problem =
    'Resource Tag, bulk.fields: "name" is unique, so many records cannot be given one value.';
  assert.deepEqual(problemsOf(['Tag', { bulk: { fields: ['name'] } }]), [problem]);
});

test('a list of a model’s many records is no column', () => {
  const problem =
    'Resource Country, columns: "cities" leads to many records, which are not shown in one place.';
  assert.deepEqual(problemsOf(['Country', { columns: ['cities'] }]), [problem]);
});

test('what is no resource is named by its place', () => {
  const given = [defineEveryResource(metadata, []), 'City'] as unknown as ResourceDefinition[];
  assert.throws(() => buildRegistry(given, () => ({}) as Client, new pg.Pool(), defaults), {
    problems: [
      'resources, no. 1: is not made by defineResource or defineEveryResource. It is a list: write three dots before it.',
      'resources, no. 2: is not made by defineResource or defineEveryResource.',
    ],
  });
});

test('a secret of a related record is no column, and gives no order', () => {
  const country = ['Country', { fields: { region: { secret: true } } }] as [string, object];
  assert.deepEqual(problemsOf(['City', { columns: ['country.region'] }], country), [
    'Resource City, columns: "country.region" is a secret, which is shown nowhere.',
  ]);
  assert.deepEqual(problemsOf(['City', { defaultSort: 'country.region' }], country), [
    'Resource City, defaultSort: "country.region" is a secret.',
  ]);
});

test('a secret titles no record, of a model without pages neither', () => {
  const titles = build(['City', { fields: { name: { secret: true } } }]);
  assert.equal(titles.get('cities').titleField, 'altName');
  const country = metadata.models.Country;
  const password = { ...country.fields.region, name: 'password' };
  const { code, region } = country.fields;
  const fields = { code: { ...code, type: 'Int' }, password, region };
  const models = { ...metadata.models, Country: { ...country, fields } };
  const city = { metadata: { ...metadata, models }, model: 'City', options: {} };
  const registry = buildRegistry([city as never], () => ({}) as Client, new pg.Pool(), defaults);
  assert.equal(registry.titleFieldOf('Country'), 'region');
});

test('each of two resources of one model says which fields are secret in it', () => {
  const registry = build(
    ['City', { slug: 'closed', fields: { notes: { secret: true } } }],
    ['City', { slug: 'open', fields: { notes: { secret: false } } }],
  );
  const secretsOf = (slug: string) => registry.get(slug).secrets.map(({ name }) => name);
  assert.deepEqual([secretsOf('closed'), secretsOf('open')], [['notes'], []]);
  assert.ok(registry.get('open').fields.some(({ name }) => name === 'notes'));
});

test('an id that is a secret leads nowhere, and another unique value addresses', () => {
  const secret = { secret: true };
  const idOf = (fields: object) => {
    const registry = build(['City', {}], ['Country', { fields }]);
    const [key] = registry.get('cities').secrets;
    assert.deepEqual([key?.name, key?.relation], ['country', null]);
    return registry.get('countries').model.idFields;
  };
  assert.deepEqual(idOf({ code: secret }), ['code2']);
  assert.deepEqual(idOf({ code: secret, code2: secret }), []);
});

test('a slug is used once', () => {
  assert.deepEqual(problemsOf(['City', { slug: 'places' }], ['Country', { slug: 'places' }]), [
    'Resource Country, slug: "places" is used twice.',
  ]);
});

test('an unknown model is refused', () => {
  assert.deepEqual(problemsOf(['Town', {}]), [
    'Resource Town, model: the schema has no model of this name.',
  ]);
});

test('a definition that lost its model refuses the start with the others', () => {
  const scoped = {
    metadata,
    model: 'Citty',
    options: { scope: () => ({ id: 1 }) },
  } as unknown as ResourceDefinition;
  const given = defineEveryResource(metadata, [scoped]);
  assert.throws(() => buildRegistry(given, () => ({}) as Client, new pg.Pool(), defaults), {
    problems: ['Resource Citty, model: the schema has no model of this name. Did you mean "City"?'],
  });
});

test('all mistakes of all resources are named at once', () => {
  const problems = problemsOf(
    ['Town', {}],
    ['City', { columns: ['nmae'], search: ['nmae'] }],
    ['Country', { bulk: { chunkSize: -1 } }],
  );
  assert.equal(problems.length, 4);
});

test('everything is guessed from the schema', () => {
  const { list } = build(['City', {}], ['Country', {}]);
  const [city] = list;
  assert.deepEqual(
    [city?.slug, city?.label, city?.singular, city?.titleField],
    ['cities', 'Cities', 'City', 'name'],
  );
  assert.equal(city?.columns[0]?.name, 'name');
  assert.equal(city?.defaultSort, 'id');
  assert.equal(
    city?.form.some(({ name }) => name === 'id' || name === 'updatedAt'),
    false,
  );
});

test('fields stand in the groups and the order of the form', () => {
  const city = build([
    'City',
    {
      form: [
        'status',
        { label: 'Names', help: 'What people say.', fields: ['name', 'altName'] },
        'notes',
      ],
    },
  ]).get('cities');
  assert.deepEqual(
    city.formGroups.map(({ label, help, fields }) => [label, help, fields.map(({ name }) => name)]),
    [
      [null, null, ['status']],
      ['Names', 'What people say.', ['name', 'altName']],
      [null, null, ['notes']],
    ],
  );
  assert.deepEqual(
    city.form.map(({ name }) => name),
    ['status', 'name', 'altName', 'notes'],
  );
});

test('a hidden field does not title a record, and nobody sees it', () => {
  const city = build([
    'City',
    { fields: { name: { hidden: true }, countryCode: { hidden: true } } },
  ]).get('cities');
  assert.equal(city.titleField, 'altName');
  const ada = { id: '1', name: 'Ada', roles: ['admin'] };
  assert.deepEqual(
    [city.canSee(ada, 'name'), city.canChange(ada, 'name'), city.canSee(ada, 'notes')],
    [false, false, true],
  );
  assert.ok(!city.fields.some(({ name }) => name === 'country'));
});

test('a hidden id is no hindrance to a title', () => {
  const city = build(['City', { fields: { id: { hidden: true } } }]).get('cities');
  assert.equal(city.titleField, 'name');
});

test('a hidden field is in no guess', () => {
  const city = build([
    'City',
    { fields: { notes: { hidden: true }, status: { hidden: true } } },
  ]).get('cities');
  const everywhere = [
    city.fields,
    city.columns,
    city.filters,
    city.search,
    city.form,
    city.show,
    city.bulkFields,
  ].flat();
  assert.ok(
    everywhere.length > 0 && everywhere.every(({ name }) => name !== 'notes' && name !== 'status'),
  );
});

test('a read-only field is in the form when it is named, and never offered in bulk', () => {
  const city = build([
    'City',
    {
      form: ['name', 'createdAt'],
      fields: { createdAt: { readOnly: true }, notes: { readOnly: true } },
    },
  ]).get('cities');
  assert.deepEqual(
    city.form.map(({ name, isReadOnly }) => [name, isReadOnly]),
    [
      ['name', false],
      ['createdAt', true],
    ],
  );
  assert.ok(!city.bulkFields.some(({ name }) => name === 'notes'));
});

test('who runs in the background follows the rules', () => {
  const ask = (bulk: object, count: number) =>
    build(['City', { bulk }])
      .get('cities')
      .runsInBackground(
        { count, cascadeCount: 0, kind: 'ticked', operation: 'update' },
        { id: '1', name: 'Ada', roles: [] },
      );
  assert.deepEqual([ask({}, 19), ask({}, 20)], [false, true]);
  assert.deepEqual(
    [ask({ minAsyncRecords: 5 }, 5), ask({ background: false }, 5_000)],
    [true, false],
  );
  assert.equal(ask({ runInBackground: ({ count }: { count: number }) => count === 7 }, 7), true);
});

test('bulk delete that is switched off is granted to nobody', () => {
  const granted = (bulk: object) =>
    build(['City', { bulk }])
      .get('cities')
      .permissions({ id: '1', name: 'Ada', roles: ['admin'] });
  assert.ok(granted({}).includes('bulk-delete'));
  assert.ok(
    !granted({ delete: false }).includes('bulk-delete') &&
      granted({ delete: false }).includes('delete'),
  );
});
