/** What was measured, and when. */
export interface MeasuredValue {
  ms: number;
  value: number;
}

/**
 * How much a measure rises in ten minutes, as a share of its mean, by least squares. Of nothing but
 * zeros it is 0.
 */
export function slopeInTenMinutes(samples: readonly MeasuredValue[]): number {
  const meanOf = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [midMs, mean] = [
    meanOf(samples.map(({ ms }) => ms)),
    meanOf(samples.map(({ value }) => value)),
  ];
  let [above, below] = [0, 0];
  for (const { ms, value } of samples) {
    above += (ms - midMs) * (value - mean);
    below += (ms - midMs) ** 2;
  }
  return below === 0 || mean === 0 ? 0 : ((above / below) * 600_000) / mean;
}
