import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalInWords } from './refusal-in-words.ts';

const refused = (code: string, message: string, constraint: string | null = null, column: string | null = null) =>
  refusalInWords({ code, message, constraint, column });

test('what a constraint refuses is said without SQL, with its name', () => {
  const check = 'new row for relation "city" violates check constraint "mill_stays"';
  assert.equal(refused('23514', check, 'mill_stays'), 'The database’s rule “mill_stays” does not allow it.');
  assert.match(refused('23505', 'duplicate key value …', 'city_name_key'), /Another record has the same already: “city_name_key”/);
  assert.match(refused('23503', 'update or delete on table "city" violates …', 'a_fkey'), /Other records point at it/);
  assert.match(refused('23503', 'insert or update on table "city" violates …', 'a_fkey'), /a record that does not exist/);
  const restricted = 'update or delete on table "city" violates RESTRICT setting of foreign key constraint …';
  assert.match(refused('23001', restricted, 'a_fkey'), /Other records point at it/);
  assert.match(refused('23P01', 'conflicting key value violates exclusion constraint "room"', 'room'), /clashes with another record/);
  assert.equal(refused('23502', 'null value in column "name" …', null, 'name'), '“name” must not be empty.');
});

test('what a trigger or a type says stays as it is said', () => {
  for (const [code, message] of [
    ['P0001', 'Mondays only'],
    ['23514', 'no mills on hills'],
    ['22003', 'numeric field overflow'],
  ] as const) {
    assert.equal(refused(code, message), message);
  }
  const german = 'Aktualisieren oder Löschen in Tabelle »city« verletzt Fremdschlüssel-Constraint';
  assert.equal(refused('23503', german, 'a_fkey'), german);
});
