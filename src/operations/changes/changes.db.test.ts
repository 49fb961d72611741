import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { applyIsolated } from '../../tasks/apply-isolated.ts';
import { transaction } from '../../db/transaction.ts';
import { updateOperation } from '../update.ts';
import type { ChangeName } from './contract.ts';

/** Applies one change to rows whose field has these texts, and gives what the field has then; a refusal by its SQLSTATE. */
async function setUp(t: Parameters<typeof testDatabase>[0], slug = 'everythings') {
  const { db } = await testDatabase(t, { content: 'torture' });
  const ctx = testContext(db, {}, {}, tortureAdmin);
  const resource = ctx.register.list.find(({ model }) => model.name === slug) as Resource;
  const { model } = resource;
  await db.pages.query(`truncate ${model.table} cascade`);
  const changed = async (name: string, change: ChangeName, value: unknown, texts: readonly (string | null)[]) => {
    const field = model.fields[name];
    assert.ok(field?.column);
    await db.pages.query(`truncate ${model.table} cascade`);
    const id = model.fields.id?.column;
    await db.pages.query(
      `insert into ${model.table} (${id}, ${field.column}) select n, v::${field.sqlType} from unnest($1::text[]) with ordinality as given(v, n)`,
      [texts],
    );
    const keys = texts.map((_, index) => keyOf(model, { id: index + 1 }));
    const author = { taskId: null, chunk: null, principalId: ada.id, principalName: ada.name, changeReason: null };
    const outcome = await transaction(db.pages, (client) =>
      applyIsolated(client, updateOperation, { resource, t: db.t, serverVersion: db.version, author }, keys, {
        changes: [{ field: name, change, value }],
      }),
    );
    const refused = new Map(outcome.refusals.flatMap(({ code, keys: named }) => named.map((key) => [key, code] as const)));
    const { rows } = await db.pages.query<{ id: number; text: string | null }>(
      `select ${id} as id, ${field.column}::text as text from ${model.table} order by 1`,
    );
    return rows.map((row) => refused.get(keyOf(model, { id: row.id })) ?? row.text);
  };
  return { db, ctx, resource, changed };
}

test('every change does to a value what its name says', async (t) => {
  const { changed } = await setUp(t, 'Everything');
  const cases: readonly [string, ChangeName, unknown, (string | null)[], (string | null)[]][] = [
    ['text', 'set', 'x', ['a', null, 'x'], ['x', 'x', 'x']],
    ['text', 'clear', null, ['a', null], [null, null]],
    ['text', 'fill', 'x', ['a', null, '', ' '], ['a', 'x', 'x', ' ']],
    ['int', 'fill', '7', ['0', null], ['0', '7']],
    ['mood', 'set', 'sad mood', ['HAPPY!', null], ['sad mood', 'sad mood']],
    ['text', 'append', '%_\\', ['a', '', null], ['a%_\\', '%_\\', null]],
    ['text', 'prepend', 'ä ', ['a', '', null], ['ä a', 'ä ', null]],
    ['text', 'find-replace', { find: '.', with: '\\1$&' }, ['a.b.', 'ab', null], ['a\\1$&b\\1$&', 'ab', null]],
    ['text', 'find-replace', { find: 'a', with: '' }, ['aAa', 'a', ''], ['A', '', '']],
    ['text', 'find-replace-pattern', { find: '(\\w+)@(\\w+)', with: '\\2 at \\1 [\\&]' }, ['me@home', 'x'], ['home at me [me@home]', 'x']],
    ['text', 'find-replace-pattern', { find: '\\s+', with: ' ' }, ['a  b\t\nc', 'a b'], ['a b c', 'a b']],
    ['text', 'trim', null, [' \t a b\u00a0\n', 'a', null], ['a b', 'a', null]],
    ['text', 'letter-case', 'upper', ['straße é', null], ['STRASSE É', null]],
    ['text', 'letter-case', 'lower', ['ÀB', 'x'], ['àb', 'x']],
    ['text', 'letter-case', 'title', ["o'neil van DYKE", 'a1b'], ["O'Neil Van Dyke", 'A1b']],
    ['varchar', 'append', '34567890123456789', ['12', '123', '1234'], ['1234567890123456789', '12334567890123456789', '22001']],
    ['char', 'append', '!', ['ab', 'abcde', null], ['ab!', '22001', null]],
    ['citext', 'letter-case', 'upper', ['abc', 'ABC'], ['ABC', 'ABC']],
    ['int', 'increase', '-3', ['1', '-2147483646', null], ['-2', '22003', null]],
    ['bigInt', 'increase', '1', ['9007199254740993', '9223372036854775807'], ['9007199254740994', '22003']],
    ['decimal12', 'increase', '0.0001', ['99999999.9998', '99999999.9999', '-0.0001'], ['99999999.9999', '22003', '0.0000']],
    ['decimal12', 'increase', '0.00005', ['1.0000', '-1.0000'], ['1.0001', '-1.0000']],
    ['float', 'increase', '0.1', ['0.2', '1e308', null], ['0.30000000000000004', '1e+308', null]],
    ['float', 'multiply', '10', ['1e308', '2'], ['22003', '20']],
    ['int', 'multiply', '1.5', ['1', '-1', '3', '2000000000'], ['2', '-2', '5', '22003']],
    ['decimal12', 'multiply', '-0.5', ['0.0001', '0.0003'], ['-0.0001', '-0.0002']],
    ['int', 'percent', '10', ['100', '5', '-5', '4'], ['110', '6', '-6', '4']],
    ['decimal12', 'percent', '-12.5', ['0.0008', '80'], ['0.0007', '70.0000']],
    ['smallInt', 'percent', '100', ['16383', '16384'], ['32766', '22003']],
    ['decimal12', 'round', 1, ['0.25', '-0.25', '0.2499'], ['0.3000', '-0.3000', '0.2000']],
    ['int', 'round', -2, ['150', '149', '-150'], ['200', '100', '-200']],
    ['float', 'round', 2, ['1.005', '2.675', '-0.005'], ['1.01', '2.68', '-0.01']],
    [
      'date',
      'shift',
      { amount: 1, unit: 'months' },
      ['2024-01-31', '2023-01-31', '2023-12-15'],
      ['2024-02-29', '2023-02-28', '2024-01-15'],
    ],
    ['date', 'shift', { amount: -1, unit: 'years' }, ['2024-02-29', null], ['2023-02-28', null]],
    ['dateTime', 'shift', { amount: 90, unit: 'minutes' }, ['2024-02-28 23:00:00'], ['2024-02-29 00:30:00']],
    ['timestamptz', 'shift', { amount: 1, unit: 'days' }, ['2024-03-30 02:30:00.123456+01'], ['2024-03-31 01:30:00.123456+00']],
    [
      'timestamptz',
      'shift',
      { amount: 100_000, unit: 'years' },
      ['2024-01-01 00:00:00+00', '200000-01-01 00:00:00+00'],
      ['102024-01-01 00:00:00+00', '22008'],
    ],
    ['boolean', 'toggle', null, ['true', 'false', null], ['false', 'true', null]],
    ['json', 'set', '{"a":1}', [null, '{"a": 1}', '{"a": 2}'], ['{"a": 1}', '{"a": 1}', '{"a": 1}']],
    ['jsonText', 'set', '{"a":1}', [null, '{"a": 1}'], ['{"a":1}', '{"a":1}']],
    ['uuid', 'set', '7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f', [null], ['7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f']],
  ];
  for (const [name, change, value, before, after] of cases) {
    assert.deepEqual(await changed(name, change, value, before), after, `${change} ${JSON.stringify(value)} of ${name}`);
  }
});
