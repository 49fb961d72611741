import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '../../db/database.ts';
import { transaction } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { applyIsolated } from '../../tasks/running/apply-isolated.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import type { FieldEdit } from '../field-edit.ts';
import { updateOperation } from '../update/update.ts';
import type { EditName } from './contract.ts';

/**
 * Applies one change to rows whose field has these texts, and gives what the field has then; a
 * refusal by its SQLSTATE.
 */
async function setUp(t: TestContext, timeZone = 'UTC') {
  const { db: first, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  await first.pages.query(
    `alter database ${new URL(connectionString).pathname.slice(1)} set timezone = '${timeZone}'`,
  );
  const db = await openDatabase({ connectionString });
  defer(() => db.close());
  const resource = testContext(db, {}, {}, tortureAdmin).registry.list.find(
    ({ model }) => model.name === 'Everything',
  ) as Resource;
  const { model } = resource;
  const applied = async (written: string, texts: readonly (string | null)[], change: FieldEdit) => {
    const [source, target] = [
      model.fields[written] as FieldMeta,
      model.fields[change.field] as FieldMeta,
    ];
    await db.pages.query(`truncate ${model.table} cascade`);
    await db.pages.query(
      `insert into ${model.table} (id, ${source.column}) select n, v::${source.sqlType} from unnest($1::text[]) with ordinality as given(v, n)`,
      [texts],
    );
    const keys = texts.map((_, index) => keyOf(model, { id: index + 1 }));
    const author = {
      taskId: null,
      chunk: null,
      principalId: ada.id,
      principalName: ada.name,
      changeReason: null,
    };
    const outcome = await transaction(db.pages, (client) =>
      applyIsolated(
        client,
        updateOperation,
        { resource, t: db.t, serverVersion: db.version, author },
        keys,
        { changes: [change] },
      ),
    );
    const refused = new Map(
      outcome.refusals.flatMap(({ code, keys: named }) => named.map((key) => [key, code] as const)),
    );
    const { rows } = await db.pages.query<{ id: number; text: string | null }>(
      `select id, ${target.column}::text as text from ${model.table} order by 1`,
    );
    return rows.map((row) => refused.get(keyOf(model, { id: row.id })) ?? row.text);
  };
  return {
    db,
    changed: (field: string, change: EditName, value: unknown, texts: readonly (string | null)[]) =>
      applied(field, texts, { field, change, value }),
    copied: (from: string, field: string, texts: readonly (string | null)[]) =>
      applied(from, texts, { field, change: 'copy', value: from }),
  };
}

test('every change does to a value what its name says', async (t) => {
  const { changed, db } = await setUp(t);
  // SS or ß: locales differ.
  const { rows } = await db.pages.query<{ sharp: string }>(`select upper('ß') as sharp`);
  const cases: readonly [string, EditName, unknown, (string | null)[], (string | null)[]][] = [
    ['text', 'set', 'x', ['a', null, 'x'], ['x', 'x', 'x']],
    ['text', 'clear', null, ['a', null], [null, null]],
    ['text', 'empty', null, ['a', null, ''], ['', '', '']],
    ['text', 'fill', 'x', ['a', null, '', ' '], ['a', 'x', 'x', ' ']],
    ['int', 'fill', '7', ['0', null], ['0', '7']],
    ['mood', 'set', 'sad mood', ['HAPPY!', null], ['sad mood', 'sad mood']],
    ['text', 'append', '%_\\', ['a', '', null], ['a%_\\', '%_\\', null]],
    ['text', 'prepend', 'ä ', ['a', '', null], ['ä a', 'ä ', null]],
    [
      'text',
      'find-replace',
      { find: '.', with: '\\1$&' },
      ['a.b.', 'ab', null],
      ['a\\1$&b\\1$&', 'ab', null],
    ],
    ['text', 'find-replace', { find: 'a', with: '' }, ['aAa', 'a', ''], ['A', '', '']],
    [
      'text',
      'find-replace-pattern',
      { find: '(\\w+)@(\\w+)', with: '\\2 at \\1 [\\&]' },
      ['me@home', 'x'],
      ['home at me [me@home]', 'x'],
    ],
    [
      'text',
      'find-replace-pattern',
      { find: '\\s+', with: ' ' },
      ['a  b\t\nc', 'a b'],
      ['a b c', 'a b'],
    ],
    ['text', 'trim', null, [' \t a b\u00a0\n', 'a', null], ['a b', 'a', null]],
    ['text', 'letter-case', 'upper', ['straße é', null], [`STRA${rows[0]?.sharp}E É`, null]],
    ['text', 'letter-case', 'lower', ['ÀB', 'x'], ['àb', 'x']],
    ['text', 'letter-case', 'title', ["o'neil van DYKE", 'a1b'], ["O'Neil Van Dyke", 'A1b']],
    [
      'varchar',
      'append',
      '34567890123456789',
      ['12', '123', '1234'],
      ['1234567890123456789', '12334567890123456789', '22001'],
    ],
    ['char', 'append', '!', ['ab', 'abcde', null], ['ab!', '22001', null]],
    ['citext', 'letter-case', 'upper', ['abc', 'ABC'], ['ABC', 'ABC']],
    ['int', 'increase', '-3', ['1', '-2147483646', null], ['-2', '22003', null]],
    [
      'bigInt',
      'increase',
      '1',
      ['9007199254740993', '9223372036854775807'],
      ['9007199254740994', '22003'],
    ],
    [
      'decimal12',
      'increase',
      '0.0001',
      ['99999999.9998', '99999999.9999', '-0.0001'],
      ['99999999.9999', '22003', '0.0000'],
    ],
    ['decimal12', 'increase', '0.00005', ['1.0000', '-1.0000'], ['1.0001', '-1.0000']],
    ['float', 'increase', '0.1', ['0.2', '1e308', null], ['0.30000000000000004', '1e+308', null]],
    ['float', 'multiply', '10', ['1e308', '2'], ['22003', '20']],
    ['real', 'multiply', '0.1', ['1e-45', '0'], ['22003', '0']],
    ['int', 'multiply', '1.5', ['1', '-1', '3', '2000000000'], ['2', '-2', '5', '22003']],
    ['decimal12', 'multiply', '-0.5', ['0.0001', '0.0003'], ['-0.0001', '-0.0002']],
    ['int', 'percent', '10', ['100', '5', '-5', '4'], ['110', '6', '-6', '4']],
    ['decimal12', 'percent', '-12.5', ['0.0008', '80'], ['0.0007', '70.0000']],
    ['smallInt', 'percent', '100', ['16383', '16384'], ['32766', '22003']],
    ['decimal12', 'round', 1, ['0.25', '-0.25', '0.2499'], ['0.3000', '-0.3000', '0.2000']],
    ['int', 'round', -2, ['150', '149', '-150'], ['200', '100', '-200']],
    ['float', 'round', 2, ['1.005', '2.675', '-0.005'], ['1.01', '2.68', '-0.01']],
    [
      'float',
      'round',
      0,
      ['9007199254740991', 'NaN', '-Infinity'],
      ['9.007199254740991e+15', 'NaN', '-Infinity'],
    ],
    [
      'real',
      'round',
      1,
      ['16777215', '0.15', '1234567.4'],
      ['1.6777215e+07', '0.2', '1.2345674e+06'],
    ],
    [
      'date',
      'shift',
      { amount: 1, unit: 'months' },
      ['2024-01-31', '2023-01-31', '2023-12-15'],
      ['2024-02-29', '2023-02-28', '2024-01-15'],
    ],
    ['date', 'shift', { amount: -1, unit: 'years' }, ['2024-02-29', null], ['2023-02-28', null]],
    [
      'dateTime',
      'shift',
      { amount: 90, unit: 'minutes' },
      ['2024-02-28 23:00:00'],
      ['2024-02-29 00:30:00'],
    ],
    [
      'timestamptz',
      'shift',
      { amount: 1, unit: 'days' },
      ['2024-03-30 02:30:00.123456+01'],
      ['2024-03-31 01:30:00.123456+00'],
    ],
    [
      'timestamptz',
      'shift',
      { amount: 100_000, unit: 'years' },
      ['2024-01-01 00:00:00+00', '200000-01-01 00:00:00+00'],
      ['102024-01-01 00:00:00+00', '22008'],
    ],
    ['boolean', 'toggle', null, ['true', 'false', null], ['false', 'true', null]],
    [
      'json',
      'set',
      '{"a":1}',
      [null, '{"a": 1}', '{"a": 2}'],
      ['{"a": 1}', '{"a": 1}', '{"a": 1}'],
    ],
    ['jsonText', 'set', '{"a":1}', [null, '{"a": 1}'], ['{"a":1}', '{"a":1}']],
    [
      'uuid',
      'set',
      '7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f',
      [null],
      ['7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f'],
    ],
  ];
  for (const [name, change, value, before, after] of cases) {
    assert.deepEqual(
      await changed(name, change, value, before),
      after,
      `${change} ${JSON.stringify(value)} of ${name}`,
    );
  }
});

test('a value that is copied is converted to the kind of its field: rounded a half away from zero, refused where there is no room', async (t) => {
  const { copied } = await setUp(t);
  const cases: readonly [string, string, (string | null)[], (string | null)[]][] = [
    ['decimal12', 'int', ['1.5', '-1.5', '2.4999', null], ['2', '-2', '2', null]],
    ['decimal', 'smallInt', ['32767.4', '32767.5', 'NaN'], ['32767', '22003', '22003']],
    ['float', 'int', ['0.5', '2.5', '-2.5', 'NaN', '1e300'], ['1', '3', '-3', '22003', '22003']],
    [
      'float',
      'bigInt',
      ['9007199254740991', '1e18', '1e19'],
      ['9007199254740991', '1000000000000000000', '22003'],
    ],
    ['real', 'int', ['16777215', '-0.5', 'NaN'], ['16777215', '-1', '22003']],
    ['real', 'decimal12', ['0.1', '16777215'], ['0.1000', '16777215.0000']],
    [
      'float',
      'decimal12',
      ['0.00005', '12345678.12345', '1e8'],
      ['0.0001', '12345678.1235', '22003'],
    ],
    ['bigInt', 'int', ['2147483647', '2147483648'], ['2147483647', '22003']],
    ['int', 'decimal12', ['99999999', '100000000'], ['99999999.0000', '22003']],
    ['float', 'real', ['0.1', '1e39'], ['0.1', '22003']],
    [
      'text',
      'varchar',
      ['12345678901234567890', '123456789012345678901'],
      ['12345678901234567890', '22001'],
    ],
    ['text', 'char', ['abc', 'abcdef'], ['abc', '22001']],
    ['date', 'dateTime', ['2024-02-29'], ['2024-02-29 00:00:00']],
    [
      'timestamptz',
      'date',
      ['2024-03-31 00:30:00+02', '2024-03-31 02:30:00+02'],
      ['2024-03-30', '2024-03-31'],
    ],
  ];
  for (const [from, to, before, after] of cases)
    assert.deepEqual(await copied(from, to, before), after, `${from} into ${to}`);
});

test('a shift counts in UTC: over a change of clocks a day has 24 hours, in whatever time zone the database is', async (t) => {
  const { changed } = await setUp(t, 'Europe/Madrid');
  const nights = ['2024-03-30 02:30:00+01', '2024-10-26 02:30:00+02'];
  for (const shift of [
    { amount: 1, unit: 'days' },
    { amount: 24, unit: 'hours' },
  ]) {
    assert.deepEqual(await changed('timestamptz', 'shift', shift, nights), [
      '2024-03-31 01:30:00+00',
      '2024-10-27 00:30:00+00',
    ]);
  }
  const lastDays = ['2024-01-31 23:30:00+00', '2023-12-31 00:00:00+00'];
  const month = { amount: 1, unit: 'months' };
  assert.deepEqual(await changed('timestamptz', 'shift', month, lastDays), [
    '2024-02-29 23:30:00+00',
    '2024-01-31 00:00:00+00',
  ]);
});
