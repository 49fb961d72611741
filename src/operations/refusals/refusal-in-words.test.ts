import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceField } from '../../resources/contract.ts';
import { blamedFields, refusalInWords } from './refusal-in-words.ts';

const refused = (
  code: string,
  message: string,
  constraint: string | null = null,
  column: string | null = null,
) => refusalInWords({ code, message, constraint, column });

test('what a constraint refuses is said without SQL, with its name', () => {
  const check = 'new row for relation "city" violates check constraint "mill_stays"';
  assert.equal(
    refused('23514', check, 'mill_stays'),
    'The database’s rule “mill_stays” does not allow it.',
  );
  assert.match(
    refused('23505', 'duplicate key value …', 'city_name_key'),
    /Another record has the same already: “city_name_key”/,
  );
  assert.match(
    refused('23503', 'update or delete on table "city" violates …', 'a_fkey'),
    /Other records point at it/,
  );
  assert.match(
    refused('23503', 'insert or update on table "city" violates …', 'a_fkey'),
    /a record that does not exist/,
  );
  const restricted =
    'update or delete on table "city" violates RESTRICT setting of foreign key constraint …';
  assert.match(refused('23001', restricted, 'a_fkey'), /Other records point at it/);
  assert.match(
    refused('23P01', 'conflicting key value violates exclusion constraint "room"', 'room'),
    /clashes with another record/,
  );
  assert.equal(
    refused('23502', 'null value in column "name" …', null, 'name'),
    '“name” must not be empty.',
  );
});

test('what a trigger or a type says stays as it is said', () => {
  for (const [code, message] of [
    ['P0001', 'Mondays only'],
    ['23514', 'no mills on hills'],
    ['22003', 'numeric field overflow'],
  ] as const) {
    assert.equal(refused(code, message), message);
  }
  const inGerman =
    'Aktualisieren oder Löschen in Tabelle »city« verletzt Fremdschlüssel-Constraint';
  assert.equal(refused('23503', inGerman, 'a_fkey'), inGerman);
});

const german = 'Aktualisieren oder Löschen in Tabelle »city« verletzt Fremdschlüssel-Constraint';
const columns = (names: readonly string[], isOfItself = false) => ({
  name: '',
  columns: names,
  isOfItself,
  check: null,
});
const about = (isDelete: boolean) => ({
  resource: {
    singular: 'City',
    fields: [
      field('country', 'Country', 'country_code'),
      field('population', 'Population', 'population'),
    ],
    secrets: [{ ...field('pin', 'Pin', 'pin'), isSecret: true }],
  },
  constraints: new Map([
    ['city_country_fkey', columns(['country_code'])],
    ['twin', columns(['population'], true)],
    ['once', columns(['population'])],
    ['pin_key', columns(['pin'])],
    ['both', columns(['country_code', 'population'])],
  ]),
  isDelete,
});

function field(name: string, label: string, dbColumn: string): ResourceField {
  return { name, label, meta: { name, dbColumn } } as ResourceField;
}

for (const [what, code, constraint, isDelete, words] of [
  ['one value', '23505', 'once', false, 'Population is taken: another city has it already.'],
  [
    'two values',
    '23505',
    'both',
    false,
    'Country and Population together are taken: another city has the same already.',
  ],
  [
    'a secret that another has',
    '23505',
    'pin_key',
    false,
    'Pin cannot be this value. Choose another.',
  ],
  [
    'values of no field',
    '23505',
    'other_key',
    false,
    'Another record has the same already: “other_key” allows it once.',
  ],
  [
    'a key to nowhere',
    '23503',
    'city_country_fkey',
    false,
    'Country leads to a record that does not exist.',
  ],
  [
    'a key of another table',
    '23503',
    'visit_fkey',
    false,
    'Other records point at this city, and “visit_fkey” does not allow that they point nowhere.',
  ],
  [
    'a delete',
    '23503',
    'twin',
    true,
    'Other records point at this city, and “twin” does not allow that they point nowhere.',
  ],
  [
    'a delete that is restricted',
    '23001',
    'twin',
    true,
    'Other records point at this city, and “twin” does not allow that they point nowhere.',
  ],
] as const) {
  test(`${what}: what is known of the table says what its constraint means, whatever language the server speaks`, () => {
    for (const message of [german, 'doppelter Schlüsselwert verletzt Unique-Constraint']) {
      assert.equal(
        refusalInWords({ code, message, constraint, column: null }, about(isDelete)),
        words,
      );
    }
    const blamed = blamedFields(
      { code, message: german, constraint, column: null },
      about(isDelete),
    ).length;
    assert.equal(blamed > 0, !isDelete && !['visit_fkey', 'other_key'].includes(constraint));
  });
}
