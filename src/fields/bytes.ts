import type { FieldKind } from './contract.ts';
import { nullness } from './operators/empty.ts';
import { readOnly } from './read-only.ts';

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** `5 bytes`, `1.2 kB`. */
export function sizeInWords(byteLength: number): string {
  const power = Math.min(
    units.length - 1,
    byteLength < 1_000 ? 0 : Math.floor(Math.log10(byteLength) / 3),
  );
  const unitDisplay = power === 0 ? 'long' : 'short';
  const format = new Intl.NumberFormat('en', {
    style: 'unit',
    unit: units[power] as string,
    unitDisplay,
    maximumFractionDigits: 1,
  });
  return format.format(byteLength / 1_000 ** power);
}

/** Shown by its size, which is all that a list reads of it; not written here. */
export const bytes: FieldKind = {
  ...readOnly,
  name: 'bytes',
  format: (value) => ({
    text:
      value instanceof Uint8Array
        ? sizeInWords(value.byteLength)
        : typeof value === 'number'
          ? sizeInWords(value)
          : '',
    align: 'end',
  }),
  toSql: (value) =>
    value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : null,
  fromText: (text) =>
    /^\\x(?:[\da-f]{2})*$/.test(text) ? Uint8Array.from(Buffer.from(text.slice(2), 'hex')) : text,
  operators: nullness,
};
