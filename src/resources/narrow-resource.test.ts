import assert from 'node:assert/strict';
import test from 'node:test';
import pg from 'pg';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import admin from '../admin.ts';
import type { Principal } from '../auth/principal.ts';
import { clientOver } from './client-over.ts';
import type { Resource } from './contract.ts';
import { defineResource } from './define-resource.ts';
import { buildRegistry } from './registry.ts';

const ada: Principal = { id: '1', name: 'Ada', roles: ['admin'] };
const vic: Principal = { id: '2', name: 'Vic', roles: ['viewer'] };
const isAda = ({ id }: Principal) => id === ada.id;

function registryOf(...definitions: Parameters<typeof buildRegistry>[0]) {
  return buildRegistry(definitions, clientOver(admin.createClient), new pg.Pool(), {
    minAsyncRecords: 20,
    parallelism: 1,
    chunkSize: 1000,
  });
}

const names = (fields: readonly { name: string }[]) => fields.map(({ name }) => name);
const lists = (resource: Resource) =>
  Object.values(resource).flatMap((value) =>
    Array.isArray(value) ? names(value as readonly { name: string }[]) : [],
  );

test('a field that may not be seen is in no list of the resource', () => {
  const registry = registryOf(
    defineResource(metadata, 'City', {
      columns: ['name', 'notes', 'country', 'population'],
      filters: ['country', 'population', 'status'],
      search: ['name', 'notes'],
      fields: { notes: { see: isAda }, countryCode: { see: isAda }, population: { see: isAda } },
    }),
  );
  const [whole, less] = [registry.for(ada, 'cities'), registry.for(vic, 'cities')];
  for (const name of ['notes', 'country', 'population']) {
    assert.ok(lists(whole).includes(name), name);
    assert.ok(!lists(less).includes(name), name);
  }
  assert.deepEqual(names(less.columns), ['name']);
  assert.deepEqual(names(less.search), ['name']);
});

test('a hidden title and default sort give way to the id', () => {
  const registry = registryOf(
    defineResource(metadata, 'City', { defaultSort: '-name', fields: { name: { see: isAda } } }),
  );
  assert.deepEqual(
    [registry.for(vic, 'cities').titleField, registry.for(vic, 'cities').defaultSort],
    ['id', 'id'],
  );
  assert.deepEqual(
    [registry.for(ada, 'cities').titleField, registry.for(ada, 'cities').defaultSort],
    ['name', '-name'],
  );
});

test('a field that may not be changed is shown, and on no form', () => {
  const registry = registryOf(
    defineResource(metadata, 'City', {
      columns: ['name', 'status'],
      fields: { status: { change: () => false } },
    }),
  );
  const cities = registry.for(ada, 'cities');
  assert.ok(names(cities.columns).includes('status') && names(cities.filters).includes('status'));
  assert.ok(!names(cities.form).includes('status') && !names(cities.bulkFields).includes('status'));
});

test('what may not be listed is not there, by its address and behind a relation', () => {
  const registry = registryOf(
    defineResource(metadata, 'City'),
    defineResource(metadata, 'Country', {
      permissions: (principal) => (isAda(principal) ? ['list'] : ['update']),
    }),
  );
  assert.throws(() => registry.for(vic, 'countries'), { status: 404 });
  assert.deepEqual(
    registry.listFor(vic).map(({ slug }) => slug),
    ['cities'],
  );
  assert.equal(registry.for(vic, 'cities').related('Country'), null);
  assert.equal(registry.for(ada, 'cities').related('Country')?.slug, 'countries');
  assert.equal(registry.for(ada, 'cities').related('Tag'), null);
});

test('a related resource is narrowed too, and one whose scope cannot be read is not there', () => {
  const registry = registryOf(
    defineResource(metadata, 'City'),
    defineResource(metadata, 'Country', {
      fields: { name: { see: () => false } },
      scope: (principal) => (isAda(principal) ? { region: 'Europe' } : (undefined as never)),
    }),
  );
  assert.equal(registry.for(ada, 'cities').related('Country')?.titleField, 'code');
  assert.equal(registry.for(vic, 'cities').related('Country'), null);
  assert.throws(() => registry.for(vic, 'countries'), { status: 403, code: 'scope-unreadable' });
});

test('two resources of one model: the relation leads to the first that may be listed', () => {
  const registry = registryOf(
    defineResource(metadata, 'City'),
    defineResource(metadata, 'Country', {
      slug: 'secret-countries',
      permissions: (principal) => (isAda(principal) ? ['list'] : []),
    }),
    defineResource(metadata, 'Country'),
  );
  assert.equal(registry.for(ada, 'cities').related('Country')?.slug, 'secret-countries');
  assert.equal(registry.for(vic, 'cities').related('Country')?.slug, 'countries');
});

test('a column through a relation, a computed one and a default sort are as hidden as what they read', () => {
  const registry = registryOf(
    defineResource(metadata, 'City', {
      columns: ['name', 'country.region', 'size'],
      computed: { size: { needs: ['population'], value: ({ population }) => population } },
      defaultSort: ['country.region', '-population', 'name'],
      form: ['name', { label: 'Numbers', fields: ['population', 'rating'] }],
      show: [{ label: 'Numbers', fields: ['population', 'rating'] }],
      fields: { population: { see: isAda } },
    }),
    defineResource(metadata, 'Country', { fields: { region: { see: isAda } } }),
  );
  const [whole, less] = [registry.for(ada, 'cities'), registry.for(vic, 'cities')];
  assert.deepEqual(names(whole.columns), ['name', 'country.region', 'size']);
  assert.deepEqual(names(less.columns), ['name']);
  assert.deepEqual(
    [whole.defaultSort, less.defaultSort],
    ['country.region,-population,name', 'name'],
  );
  for (const groups of [less.formGroups, less.showGroups]) {
    assert.deepEqual(
      groups.flatMap(({ fields }) => names(fields)).filter((name) => name !== 'name'),
      ['rating'],
    );
  }
});
