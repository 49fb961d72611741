const units = [
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `10 minutes`, in the greatest unit of which it is a whole number, or nearly. */
export function spanInWords(ms: number): string {
  const [unit, size] = units.find(([, one]) => ms >= one && (ms % one === 0 || ms >= 10 * one)) ?? [
    'second',
    1_000,
  ];
  const count = Math.round((ms / size) * 10) / 10;
  return `${count.toLocaleString('en')} ${unit}${count === 1 ? '' : 's'}`;
}
