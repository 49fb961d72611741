import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { type Condition, filterToText, type Group } from './filter.ts';
import { filterFieldsOf } from './filter-fields.ts';
import { buildWhere } from './where.ts';

const oddValues = [
  '',
  ' ',
  '0',
  '-1',
  '1e400',
  '-1e-400',
  '9'.repeat(40),
  '9223372036854775808',
  '0x10',
  'NaN',
  'Infinity',
  '\0',
  '\ud800',
  '%',
  '_',
  '\\',
  "'",
  '"',
  '{}',
  '[]',
  '["1"]',
  'null',
  'true',
  'yes',
  'no',
  '..',
  '1..',
  '..1',
  '2026-02-31',
  '0000-01-01',
  '9999-12-31',
  '9999-12-31T23:59:59.999Z',
  '23:59:59.999',
  '24:00',
  '7d',
  '9999w',
  '0d',
  '1y',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '10.0.0.1/33',
  '::1',
  '0101',
  '<a/>',
  '🙂',
  'İ',
  '__proto__',
  'happy',
  'HAPPY!',
  'red',
  'x'.repeat(900),
];

const usualValues = [
  '1',
  '2026-01-31',
  'true',
  'happy',
  'red',
  'plain',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
];

const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...oddValues) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
);

function filters(resource: Resource): fc.Arbitrary<Group> {
  const condition: fc.Arbitrary<Condition> = fc
    .constantFrom(...filterFieldsOf(resource, ada))
    .chain(({ path, operators }) =>
      fc.constantFrom(...operators).chain(({ name, input, value: fixed }) => {
        const usual =
          input === 'none'
            ? [fixed ?? '']
            : input === 'span'
              ? ['7d', '36h', '9999w']
              : usualValues;
        return fc.record({
          path: fc.oneof(
            { weight: 20, arbitrary: fc.constant(path) },
            { weight: 1, arbitrary: fc.constantFrom('_q', 'nonsense', 'constructor') },
          ),
          operator: fc.oneof(
            { weight: 20, arbitrary: fc.constant(name) },
            { weight: 1, arbitrary: fc.constantFrom('min', 'has', 'toString') },
          ),
          values: fc.array(
            fc.oneof(
              { weight: 2, arbitrary: fc.constantFrom(...usual) },
              { weight: 1, arbitrary: value },
            ),
            {
              minLength: input === 'range' ? 2 : 1,
              maxLength: input === 'many' ? 3 : input === 'range' ? 2 : 1,
            },
          ),
        });
      }),
    );
  return fc.letrec<{ group: Group }>((tie) => ({
    group: fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      items: fc.array(
        fc.oneof(
          { depthSize: 'small', maxDepth: 2 },
          { weight: 4, arbitrary: condition },
          { weight: 1, arbitrary: tie('group') },
        ),
        {
          minLength: 1,
          maxLength: 2,
        },
      ),
    }),
  })).group;
}

test('any filter at all either finds records or is an error that names it', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const outcomes = { found: 0, refused: 0 };
  for (const name of [
    'Everything',
    'ScalarList',
    'Person',
    'Issue',
    'User',
    'CompositeMixed',
    'IdTime',
    'NoId',
  ]) {
    const resource = registry.list.find((candidate) => candidate.model.name === name);
    if (!resource) continue;
    const seen = registry.for(ada, resource.slug);
    await fc.assert(
      fc.asyncProperty(filters(seen), async (filter) => {
        const text = filterToText(filter);
        try {
          await delegateOf(registry.client, seen.model).count({
            where: buildWhere(seen, ada, text),
          });
          outcomes.found += 1;
        } catch (error) {
          assert.ok(
            error instanceof AppError && error.code === 'invalid-filter' && error.status === 422,
            `${name}?${text}: ${(error as Error).message.slice(-400)}`,
          );
          outcomes.refused += 1;
        }
      }),
      { numRuns: 150, seed: 7 },
    );
  }
  t.diagnostic(JSON.stringify(outcomes));
  assert.ok(outcomes.found > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
});
