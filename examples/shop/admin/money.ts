import { type FieldKind, kinds } from 'bulkhead';

const amounts = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const inEuros = (cents: number) => amounts.format(cents / 100);

/** Euros in whole cents: 1375 is typed as 13,75 or 13.75, and shown as 13.75. */
export const money: FieldKind = {
  ...kinds.integer,
  name: 'money',
  control: { view: new URL('./money.eta', import.meta.url) },
  cell: {
    view: new URL('./money-cell.eta', import.meta.url),
    data: ({ value }) => ({ isLarge: Number(value) >= 5_000 }),
  },
  format: (cents) => ({
    text: typeof cents === 'number' ? inEuros(cents) : '',
    align: 'end',
  }),
  toForm: (cents) => (typeof cents === 'number' ? (cents / 100).toFixed(2) : ''),
  parse(input, field) {
    const text = String([input ?? ''].flat().at(-1) ?? '').trim();
    if (text === '') return kinds.integer.parse(text, field);
    const [, units = '', cents = ''] = /^([+-]?\d+)(?:[.,](\d{1,2}))?$/.exec(text) ?? [];
    if (units === '') return { error: `${field.label} must be an amount such as 13.75.` };
    const parsed = kinds.integer.parse(`${units}${cents.padEnd(2, '0')}`, field);
    return 'error' in parsed ? { error: `${field.label} cannot hold so much.` } : parsed;
  },
};
