import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '../sample/money.ts';
import { testField } from '../testing/field.ts';

const field = testField('Int', 'integer');

test('money is read to the cent, with a point or a comma, and no other text is money', () => {
  const cents: [text: string, cents: number | null][] = [
    ['5,50', 550],
    ['5.5', 550],
    ['-0,05', -5],
    ['+7', 700],
    [' 21474836.47 ', 2_147_483_647],
    ['', null],
  ];
  for (const [text, value] of cents) assert.deepEqual(money.parse(text, field), { value }, text);
  for (const text of ['5,555', '1,234.50', '5,', ',5', '5 50', '€5', 'free', '1e3']) {
    assert.deepEqual(
      money.parse(text, field),
      { error: 'Value must be an amount such as 5,50.' },
      text,
    );
  }
  assert.deepEqual(money.parse('21474836,48', field), {
    error: 'Value cannot hold an amount of this size.',
  });
  assert.deepEqual(money.parse('', { ...field, meta: { ...field.meta, isRequired: true } }), {
    error: 'Value is required.',
  });
});

test('money is shown with its cents, and its control reads back what it shows', () => {
  for (const [cents, shown, typed] of [
    [550, '5.50', '5.50'],
    [0, '0.00', '0.00'],
    [-5, '-0.05', '-0.05'],
    [123_456_789, '1,234,567.89', '1234567.89'],
  ] as const) {
    assert.equal(money.format(cents, field).text, shown);
    assert.equal(money.toForm(cents, field), typed);
    assert.deepEqual(money.parse(typed, field), { value: cents });
    assert.equal(money.fromText(String(cents), field), cents);
  }
});
