import type { FieldMeta } from '../../metadata/contract.ts';
import { NoRoom } from './contract.ts';
import { type Decimal, decimalText, round } from './decimal.ts';
import { familyOf, scaleOf } from './field-family.ts';

const integerBits: Record<string, bigint> = { smallint: 15n, integer: 31n, bigint: 63n };

/** The number as the column keeps it: rounded to its places, refused where it has no room. */
export function fitNumber(value: Decimal, meta: FieldMeta): string {
  if (familyOf(meta) === 'integer') {
    const { units } = round(value, 0);
    const limit = 1n << (integerBits[meta.sqlType ?? ''] ?? 63n);
    if (units < -limit || units >= limit) throw new NoRoom(`${meta.sqlType} out of range`);
    return units.toString();
  }
  const scale = scaleOf(meta);
  if (scale === null) return decimalText(value);
  const rounded = round(value, scale);
  const precision = Number(/\d+/.exec(meta.sqlType ?? '')?.[0]);
  const units = rounded.units * 10n ** BigInt(scale - rounded.scale);
  if ((units < 0n ? -units : units) >= 10n ** BigInt(precision))
    throw new NoRoom('numeric field overflow');
  return decimalText({ units, scale });
}

/** The number that a text stands for in a column of `real` or `double precision`. */
export function floatOf(text: unknown, meta: FieldMeta): number {
  return meta.sqlType === 'real' ? Math.fround(Number(text)) : Number(text);
}

/** The fewest digits that tell a float from its neighbours, as PostgreSQL shows it. */
export function shortestText(text: unknown, meta: FieldMeta): string {
  const value = floatOf(text, meta);
  if (meta.sqlType !== 'real' || !Number.isFinite(value)) return String(value);
  for (let digits = 1; ; digits++) {
    const shown = value.toPrecision(digits);
    if (Math.fround(Number(shown)) === value) return shown;
  }
}

/** A float as `real` or `double precision` keeps it. */
export function fitFloat(value: number, meta: FieldMeta): string {
  const kept = floatOf(value, meta);
  if (!Number.isFinite(kept)) throw new NoRoom('value out of range: overflow');
  return Object.is(kept, -0) ? '-0' : String(kept);
}
