import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { testField } from '../testing/field.ts';
import { guessColumns, guessFilters, guessSearch } from './guess-fields.ts';
import { labelOf, pluralOf, singularOf, slugOf, titleFieldOf } from './guesses.ts';
import { resourceFields } from './resource-fields.ts';

test('names become words', () => {
  for (const [name, label, slug] of [
    ['featureCode', 'Feature code', 'feature-code'],
    ['order_line', 'Order line', 'order-line'],
    ['HTTPServer', 'HTTP server', 'http-server'],
    ['OAuth2Token', 'OAuth2 token', 'oauth2-token'],
    ['baseURL', 'Base URL', 'base-url'],
  ] as const) {
    assert.equal(labelOf(name), label);
    assert.equal(slugOf(name), slug);
  }
});

test('one and many, whichever of them a model is named', () => {
  for (const [one, many] of [
    ['Country', 'Countries'],
    ['Person', 'People'],
    ['SalesPerson', 'SalesPeople'],
    ['child', 'children'],
    ['Human', 'Humans'],
    ['Address', 'Addresses'],
    ['Status', 'Statuses'],
    ['Box', 'Boxes'],
    ['Day', 'Days'],
    ['order_line', 'order_lines'],
    ['Analysis', 'Analyses'],
  ] as const) {
    assert.equal(pluralOf(one), many);
    assert.equal(pluralOf(many), many);
    if (one !== 'Analysis') assert.equal(singularOf(many), one);
    assert.equal(singularOf(one), one);
  }
  for (const name of ['News', 'Series', 'UserData'])
    assert.deepEqual([pluralOf(name), singularOf(name)], [name, name]);
});

const text = (name: string, more: Partial<FieldMeta> = {}): FieldMeta =>
  testField('String', 'text', { name, column: `"${name}"`, isRequired: true, ...more }).meta;

const id = text('id', {
  type: 'Int',
  sqlType: 'integer',
  isId: true,
  default: { name: 'autoincrement' },
});

function model(...fields: FieldMeta[]): ModelMeta {
  return {
    name: 'Thing',
    delegate: 'thing',
    table: '"public"."Thing"',
    dbSchema: 'public',
    dbTable: 'Thing',
    isView: false,
    idFields: ['id'],
    compositeIdName: null,
    uniques: [],
    fields: Object.fromEntries(fields.map((field) => [field.name, field])),
    unwritable: [],
    documentation: null,
  };
}

test('a record is titled by what names it', () => {
  for (const [title, ...names] of [
    ['title', 'id', 'slug', 'name', 'title'],
    ['product_name', 'id', 'description', 'product_name', 'code'],
    ['displayName', 'id', 'firstName', 'displayName', 'lastName'],
    ['email', 'id', 'firstName', 'email'],
    ['colour', 'id', 'notes', 'colour'],
    ['id', 'id'],
  ] as const) {
    assert.equal(
      titleFieldOf(model(...names.map((name) => (name === 'id' ? id : text(name))))),
      title,
      names.join(' '),
    );
  }
  assert.equal(
    titleFieldOf(
      model(id, text('name', { type: 'Int' }), text('note'), text('isbn', { isUnique: true })),
    ),
    'isbn',
  );
});

test('columns begin with the title; long texts and what no cell holds are left out', () => {
  const fields = [
    id,
    text('createdAt', { type: 'DateTime', sqlType: 'timestamptz', default: { name: 'now' } }),
    text('email', { isUnique: true }),
    text('name'),
    text('bio'),
    text('settings', { type: 'Json', sqlType: 'jsonb' }),
    text('tags', { isList: true, sqlType: 'text[]' }),
    text('isActive', { type: 'Boolean', sqlType: 'boolean' }),
    text('age', { type: 'Int', sqlType: 'integer' }),
  ];
  const given = model(...fields);
  const all = resourceFields({ models: { Thing: given }, enums: {} }, given);
  assert.deepEqual(guessColumns(all, titleFieldOf(given)), [
    'name',
    'email',
    'isActive',
    'age',
    'createdAt',
    'id',
  ]);
  assert.deepEqual(
    guessFilters(all).map(({ name }) => name),
    ['isActive', 'age'],
  );
  assert.deepEqual(
    guessSearch(all, 'name').map(({ name }) => name),
    ['name', 'email'],
  );
});
