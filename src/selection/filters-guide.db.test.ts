import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ResourceField } from '../fields/contract.ts';
import { fieldKinds, getFieldKind } from '../fields/field-kinds.ts';
import { limits } from '../limits.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { testField } from '../testing/field.ts';
import { describeItem } from './describe-filter.ts';
import { parseFilterText } from './filter.ts';
import { findFilterField } from './filter-fields.ts';
import { buildWhere } from './where.ts';

const guide = await readFile(join(import.meta.dirname, '../../docs/filters.md'), 'utf8');

/** Rows of the tables under a heading, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const part = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = part.split('\n').filter((line) => line.startsWith('|') && !/^\|[ |-]*$/.test(line));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const named = (cell: string) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name as string);

const relation = {
  model: 'Tag',
  fromFields: [],
  toFields: [],
  opposite: '',
  joinTable: null,
  ownColumn: null,
  otherColumn: null,
} as const;
const types: readonly [string, string][] = [
  ['String', 'text'],
  ['String', 'uuid'],
  ['String', 'inet'],
  ['String', 'bit(1)'],
  ['String', 'xml'],
  ['Int', 'integer'],
  ['BigInt', 'bigint'],
  ['Float', 'real'],
  ['Decimal', 'numeric'],
  ['Boolean', 'boolean'],
  ['DateTime', 'timestamptz'],
  ['Json', 'jsonb'],
  ['Bytes', 'bytea'],
  ['Mood', 'mood'],
];
const fields: ResourceField[] = [
  ...types.flatMap(([type, sqlType]) => [
    testField(type, sqlType),
    testField(type, `${sqlType}[]`, { isList: true, isRequired: true }),
  ]),
  { ...testField('Int', 'integer'), relation: { ...relation, kind: 'to-one' } },
  testField('Tag', 'none', {
    kind: 'relation',
    isList: true,
    relation: { ...relation, kind: 'many-to-many' },
  }),
];
const operatorsOfKind = new Map(
  fields.map((field) => [getFieldKind(field).name, getFieldKind(field).operators(field)]),
);

test('the guide names the operators of every kind of field', () => {
  const said = new Map(
    rowsUnder('Operators')
      .filter((row) => row.length === 2)
      .slice(1)
      .flatMap(([kinds = '', operators = '']) =>
        named(kinds).map((kind) => [kind, named(operators)] as const),
      ),
  );
  const known = new Map(
    [...operatorsOfKind].map(([kind, operators]) => [
      kind,
      [...new Set(operators.map(({ name }) => name))],
    ]),
  );
  assert.deepEqual(Object.fromEntries([...said].sort()), Object.fromEntries([...known].sort()));
  assert.deepEqual(
    fieldKinds.map(({ name }) => name).filter((name) => !known.has(name)),
    ['read-only'],
  );
});

test('the guide names every operator with its words', () => {
  const said = rowsUnder('Operators')
    .filter((row) => row.length === 3)
    .slice(1)
    .map(([name = '', words = '']) => [named(name)[0] as string, words]);
  const known = new Map<string, Set<string>>();
  for (const { name, label } of [...operatorsOfKind].flatMap(([kind, operators]) =>
    kind === 'date-time' ? [] : operators,
  )) {
    known.set(name, (known.get(name) ?? new Set()).add(label));
  }
  for (const { name, label } of operatorsOfKind.get('date-time') ?? [])
    if (!known.has(name)) known.set(name, new Set([label]));
  assert.deepEqual(
    Object.fromEntries(said),
    Object.fromEntries([...known].map(([name, labels]) => [name, [...labels].join(', ')])),
  );
});

test('the guide names every limit', () => {
  const said = Object.fromEntries(
    rowsUnder('Errors and limits')
      .slice(1)
      .map(([name = '', max = '']) => [named(name)[0] as string, Number(max.replace(',', ''))]),
  );
  assert.deepEqual(said, limits.filter);
});

test('every address in the guide is a filter of the sample', async (t) => {
  const { db } = await testDatabase(t);
  const { registry } = testContext(db);
  const cities = registry.for(ada, 'cities');
  const addresses = rowsUnder('In the address').flatMap(([address = '']) =>
    [...address.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string),
  );
  assert.ok(addresses.length > 15);
  for (const address of addresses)
    assert.doesNotThrow(() => buildWhere(cities, ada, address), address);
});

test('a condition is told in words, its values as people write them', async (t) => {
  const { db } = await testDatabase(t);
  const { registry } = testContext(db);
  const cities = registry.for(ada, 'cities');
  const titles = new Map([['ESP', 'Spain']]);
  const expected: Record<string, string> = {
    'population-between=1000..5000': 'Population between 1,000 and 5,000',
    'status=draft': 'Status is draft',
    'status=draft&status=reviewed&status=archived': 'Status is draft, reviewed, or archived',
    'status-not=draft&status-not=archived': 'Status is none of draft or archived',
    'country=ESP': 'Country is Spain',
    'country.name-starts=S': 'Country: Name starts with S',
    'createdAt-last=1d': 'Created at in the last 1 day',
    'createdAt-next=2w': 'Created at in the next 2 weeks',
    'notes-empty=yes': 'Notes is empty',
    'featured=true': 'Featured is Yes',
    'rating-min=4.50': 'Rating at least 4.50',
    'reviewedAt=2026-01-31': 'Reviewed is 31 Jan 2026',
    'reviewedAt-after=2026-01-31T09:30Z': 'Reviewed after 31 Jan 2026, 10:30',
    'reviewedAt-between=2026-10-25T02:30%2B02:00..2026-10-25T02:30:15%2B01:00':
      'Reviewed between 25 Oct 2026, 02:30 (UTC+2) and 25 Oct 2026, 02:30:15 (UTC+1)',
    'reviewedAt-before=2026-01-31%2B05:00': 'Reviewed before the day from 30 Jan 2026, 20:00',
    'name-starts=San+': 'Name starts with “San ”',
    'name=a,+b&name=c': 'Name is “a, b” or c',
    '_q=york': 'Search: york',
    '_1.status=draft&_1.featured=true': 'Status is draft or Featured is Yes',
    '_1._1.status=draft&_1._1.featured=true&_1._2.id=1':
      '(Status is draft and Featured is Yes) or Id is 1',
    'nonsense-min=1': 'nonsense min 1',
    'population-min=many': 'Population at least many',
  };
  for (const [filter, words] of Object.entries(expected)) {
    const [item] = parseFilterText(filter).items;
    assert.ok(item);
    assert.equal(
      describeItem(item, {
        fieldOf: (path) => findFilterField(cities, ada, path),
        titleOf: (_path, id) => titles.get(id),
        reader: { timeZone: 'Europe/Madrid' },
      }),
      words,
      filter,
    );
  }
});
