import { type FieldKind, kinds } from '../index.ts';

const amounts = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Euros in whole cents: 550 is typed as 5,50 or 5.50, and shown as 5.50. */
export const money: FieldKind = {
  ...kinds.integer,
  name: 'money',
  control: { view: new URL('./money.eta', import.meta.url), data: () => ({ currency: '€' }) },
  cell: {
    view: new URL('./money-cell.eta', import.meta.url),
    data: ({ value }) => ({ isNegative: Number(value) < 0 }),
  },
  format: (cents) => ({
    text: isThere(cents) ? amounts.format(Number(cents) / 100) : '',
    align: 'end',
  }),
  toForm: (cents) => (isThere(cents) ? (Number(cents) / 100).toFixed(2) : ''),
  parse(input, field) {
    const text = String([input ?? ''].flat().at(-1) ?? '').trim();
    if (text === '') return kinds.integer.parse(text, field);
    const [, units = '', cents = ''] = /^([+-]?\d+)(?:[.,](\d{1,2}))?$/.exec(text) ?? [];
    if (units === '') return { error: `${field.label} must be an amount such as 5,50.` };
    const parsed = kinds.integer.parse(`${units}${cents.padEnd(2, '0')}`, field);
    return 'error' in parsed
      ? { error: `${field.label} cannot hold an amount of this size.` }
      : parsed;
  },
};

function isThere(cents: unknown): boolean {
  return cents !== null && cents !== undefined;
}
