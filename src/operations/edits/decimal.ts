/**
 * A decimal number without a limit: `units` × 10^-`scale`. For the JavaScript twins of what
 * PostgreSQL does with `numeric`.
 */
export interface Decimal {
  units: bigint;
  scale: number;
}

/** Reads `-12.50`, and what JavaScript writes of a float: `1e-7`. */
export function decimalOf(text: string): Decimal {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  if (whole === '' && fraction === '') throw new Error(`"${text}" is not a decimal number`);
  const units = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/**
 * To so many places; a half goes away from zero, as `round(numeric)` has it. Negative places are
 * tens, hundreds.
 */
export function round(value: Decimal, places: number): Decimal {
  if (value.scale <= places) return value;
  const divisor = 10n ** BigInt(value.scale - places);
  const half = divisor / 2n;
  const rounded =
    value.units < 0n ? -((-value.units + half) / divisor) : (value.units + half) / divisor;
  return places >= 0
    ? { units: rounded, scale: places }
    : { units: rounded * 10n ** BigInt(-places), scale: 0 };
}

export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}

function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}
