import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { type DraftOf, defineResource, type RecordOf } from '../index.ts';

type City = RecordOf<typeof metadata, 'City'>;
type Draft = DraftOf<typeof metadata, 'City'>;

test('a definition is frozen and holds what was said', () => {
  const cities = defineResource(metadata, 'City', {
    columns: ['name', 'country', 'country.region'],
  });
  assert.equal(cities.model, 'City');
  assert.ok(Object.isFrozen(cities));
  assert.deepEqual(cities.options.columns, ['name', 'country', 'country.region']);
});

// What follows is read by the compiler: each line that must not compile says so.
test('a wrong name does not compile', () => {
  // @ts-expect-error: the schema has no such model
  defineResource(metadata, 'Town');
  // @ts-expect-error
  defineResource(metadata, 'City', { titleField: 'nmae' });
  // @ts-expect-error
  defineResource(metadata, 'City', { columns: ['nmae'] });
  // @ts-expect-error: a field of a related record
  defineResource(metadata, 'City', { columns: ['country.regoin'] });
  // @ts-expect-error: many records have no one field
  defineResource(metadata, 'Country', { columns: ['cities.name'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { filters: ['nmae'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { search: ['nmae'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { defaultSort: '-nmae' });
  // @ts-expect-error
  defineResource(metadata, 'City', { defaultSort: ['name', '-country.nmae'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { form: ['nmae'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { form: [{ label: 'Names', fields: ['nmae'] }] });
  // @ts-expect-error
  defineResource(metadata, 'City', { show: ['nmae'] });
  // @ts-expect-error
  defineResource(metadata, 'City', { fields: { nmae: { label: 'Name' } } });
  // @ts-expect-error: no such option
  defineResource(metadata, 'City', { fields: { name: { labell: 'Name' } } });
  // @ts-expect-error
  defineResource(metadata, 'City', { bulk: { fields: ['nmae'] } });
  // @ts-expect-error: locks are not switched off without a reason
  defineResource(metadata, 'City', { bulk: { locks: 'off' } });
  // @ts-expect-error
  defineResource(metadata, 'City', { computed: { density: { needs: ['nmae'], value: () => 1 } } });
  // @ts-expect-error
  defineResource(metadata, 'City', { validate: () => ({ nmae: 'is wrong' }) });
});

test('values have the types of Prisma’s client', () => {
  defineResource(metadata, 'City', {
    columns: ['name', 'density'],
    defaultSort: ['country.name', '-population'],
    fields: { rating: { format: (rating) => `${rating.toFixed(1)} of 5` } },
    computed: {
      density: {
        needs: ['population', 'rating'],
        value: (city) => city.rating?.mul(city.population).toFixed(1) ?? null,
      },
    },
    validate(city, { before }) {
      const population: number = city.population;
      const status: 'draft' | 'reviewed' | 'published' | 'archived' | undefined = before?.status;
      return population < 0 && status === 'published'
        ? { population: 'must not be below zero' }
        : null;
    },
    hooks: {
      beforeSave({ record, set }) {
        set('altName', record.name.trim());
        // @ts-expect-error: a number is no name
        set('altName', 1);
        // @ts-expect-error
        set('nmae', 'x');
      },
    },
  });
  defineResource(metadata, 'City', {
    // @ts-expect-error: only what is needed is loaded
    computed: { size: { needs: ['name'], value: (city) => city.population } },
  });
  const isOptional: undefined extends Draft['id'] ? true : false = true;
  const isThere: undefined extends City['id'] ? true : false = false;
  assert.deepEqual([isOptional, isThere], [true, false]);
});
