import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import {
  type Condition,
  filterTextOf,
  filterToText,
  type Group,
  parseFilterText,
} from './filter.ts';

const and = (...items: Group['items']): Group => ({ kind: 'and', items });
const or = (...items: Group['items']): Group => ({ kind: 'or', items });
const condition = (path: string, operator: string, ...values: string[]): Condition => ({
  path,
  operator,
  values,
});

const examples: Record<string, Group> = {
  '': and(),
  'status=draft': and(condition('status', 'is', 'draft')),
  'status=draft&status=reviewed': and(condition('status', 'is', 'draft', 'reviewed')),
  'status-not=archived&status-not=draft': and(condition('status', 'not', 'archived', 'draft')),
  'name-contains=New+York': and(condition('name', 'contains', 'New York')),
  'population-between=1000..5000': and(condition('population', 'between', '1000', '5000')),
  'createdAt-last=7d': and(condition('createdAt', 'last', '7d')),
  'notes-empty=yes': and(condition('notes', 'empty', 'yes')),
  'tags-all=3&tags-all=4': and(condition('tags', 'all', '3', '4')),
  'country.name-starts=S': and(condition('country.name', 'starts', 'S')),
  '_q=york': and(condition('_q', 'is', 'york')),
  '_1.featured=true&_1.status=draft': and(
    or(condition('featured', 'is', 'true'), condition('status', 'is', 'draft')),
  ),
  '_1._1.a=1&_1._1.b=2&_1._2.c=3': and(
    or(and(condition('a', 'is', '1'), condition('b', 'is', '2')), and(condition('c', 'is', '3'))),
  ),
  '_1.a=1&_2.b=2&c=3': and(
    or(condition('a', 'is', '1')),
    or(condition('b', 'is', '2')),
    condition('c', 'is', '3'),
  ),
};

test('a text is read as the groups and conditions that it says, and written as the same text', () => {
  for (const [text, group] of Object.entries(examples)) {
    assert.deepEqual(parseFilterText(text), group, text);
    assert.equal(filterToText(group), text, text);
  }
});

test('a bound that is given twice counts twice', () => {
  const text = 'population-min=1&population-min=2';
  assert.deepEqual(
    parseFilterText(text),
    and(condition('population', 'min', '1'), condition('population', 'min', '2')),
  );
  assert.equal(filterToText(parseFilterText(text)), text);
});

test('two conditions of one name that take several values stay two', () => {
  const group = and(condition('tags', 'has', '1', '2'), condition('tags', 'has', '3'));
  const text = filterToText(group);
  assert.equal(text, '_1.tags-has=3&tags-has=1&tags-has=2');
  assert.deepEqual(
    parseFilterText(text),
    and(or(condition('tags', 'has', '3')), condition('tags', 'has', '1', '2')),
  );
});

test('groups are numbered by their order, whatever the numbers were, and empty ones are left out', () => {
  assert.equal(filterToText(parseFilterText('_7.a=1&_3.b=2')), '_1.a=1&_2.b=2');
  assert.equal(filterToText(and(or(), and(), or(and()), condition('a', 'is', '1'))), 'a=1');
});

test('a group that is no "and" at the top, or of the kind of its parent, says the same in its text', () => {
  assert.equal(
    filterToText(or(condition('a', 'is', '1'), condition('b', 'is', '2'))),
    '_1.a=1&_1.b=2',
  );
  assert.equal(
    filterToText(and(and(condition('a', 'is', '1'), condition('b', 'is', '2')))),
    '_1._1.a=1&_1._1.b=2',
  );
});

test('what is not understood is kept as it is, so that it can be named and removed', () => {
  for (const name of ['__proto__', '_x.a', 'a-b-c', 'a..b', '1a', 'a.b.c.d', '-min', 'ä', '_1.']) {
    assert.deepEqual(
      parseFilterText(new URLSearchParams([[name, '1']]).toString()).items.length,
      1,
      name,
    );
  }
  assert.deepEqual(parseFilterText('__proto__=1'), and(condition('__proto__', 'is', '1')));
});

test('one filter has one text, whatever the order and the state of the list', () => {
  assert.equal(
    filterTextOf({ status: ['reviewed', 'draft'], _page: '3', _s: 'x', country: 'ESP', _q: '' }),
    'country=ESP&status=draft&status=reviewed',
  );
  assert.deepEqual(
    parseFilterText('_sort=name&_page=2&_size=50&_s=x&_after=y&_before=z&status=&_q=+'),
    and(),
  );
  assert.deepEqual(parseFilterText('name-contains=+'), and(condition('name', 'contains', ' ')));
});

test('more than a filter may be is refused by name', () => {
  const refused: Record<keyof typeof limits.filter, string> = {
    conditions: Array.from(
      { length: limits.filter.conditions + 1 },
      (_, index) => `f${index}=1`,
    ).join('&'),
    depth: `${'_1.'.repeat(limits.filter.depth + 1)}a=1`,
    values: Array.from({ length: limits.filter.values + 1 }, (_, index) => `a=${index}`).join('&'),
    valueLength: `a=${'x'.repeat(limits.filter.valueLength + 1)}`,
    length: `a=${'x'.repeat(limits.filter.length)}`,
  };
  for (const [limit, text] of Object.entries(refused)) {
    assert.throws(
      () => parseFilterText(text),
      (error: {
        code: string;
        status: number;
        message: string;
        details: Record<string, unknown>;
      }) => {
        assert.deepEqual(
          [error.code, error.status, error.details.limit],
          ['invalid-filter', 422, limit],
        );
        assert.match(
          error.message,
          new RegExp(`at most ${limits.filter[limit as keyof typeof limits.filter]} `),
        );
        return true;
      },
    );
  }
});

const values = fc.array(
  fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !text.includes('..')),
  { minLength: 1, maxLength: 3 },
);
const conditions = fc.oneof(
  fc.record({
    path: fc.constantFrom('a', 'b.c', 'd_1'),
    operator: fc.constantFrom('is', 'not', 'has', 'none'),
    values,
  }),
  fc.record({
    path: fc.constantFrom('a', 'b.c'),
    operator: fc.constantFrom('min', 'contains', 'last'),
    values: values.map((all) => all.slice(0, 1)),
  }),
);
const { group } = fc.letrec<{ group: Group }>((tie) => ({
  group: fc.record({
    kind: fc.constantFrom('and' as const, 'or' as const),
    items: fc.array(fc.oneof({ depthSize: 'small', maxDepth: 2 }, conditions, tie('group')), {
      maxLength: 3,
    }),
  }),
}));

test('writing and reading any filter comes to one text', () => {
  fc.assert(
    fc.property(group, (given) => {
      const text = filterToText(given);
      fc.pre(
        text.length <= limits.filter.length &&
          !new RegExp(`(_\\d+\\.){${limits.filter.depth + 1}}`).test(text),
      );
      assert.equal(filterToText(parseFilterText(text)), text);
      assert.equal(filterTextOf(new URLSearchParams(text)), text);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test('more than nine groups keep their order, and ends with dots of their own come back', () => {
  const status = (value: string) => ({ path: 'status', operator: 'is', values: [value] });
  const many = filterToText({
    kind: 'and',
    items: Array.from({ length: 12 }, (_, index) => status(`s${index}`)),
  });
  assert.equal(filterToText(parseFilterText(many)), many);
  for (const values of [
    ['1.', '2'],
    ['1', '.2'],
    ['.1', '2.'],
    ['a..b', 'c'],
    ['a', 'b..c'],
    ['1', '2'],
  ]) {
    const text = filterToText({
      kind: 'and',
      items: [{ path: 'population', operator: 'between', values }],
    });
    assert.deepEqual(
      parseFilterText(text).items,
      [{ path: 'population', operator: 'between', values }],
      text,
    );
    assert.equal(filterToText(parseFilterText(text)), text);
  }
});
