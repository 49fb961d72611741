import type { ApplyCounts } from './contract.ts';

/** One half of the keys after the other, since all at once would be too much for a statement. */
export async function inHalves(
  keys: readonly string[],
  apply: (half: readonly string[]) => Promise<ApplyCounts>,
): Promise<ApplyCounts> {
  const middle = Math.ceil(keys.length / 2);
  return sumOf(await apply(keys.slice(0, middle)), await apply(keys.slice(middle)));
}

export function sumOf(one: ApplyCounts, other: ApplyCounts): ApplyCounts {
  return {
    changed: one.changed + other.changed,
    unchanged: one.unchanged + other.unchanged,
    gone: one.gone + other.gone,
    refusals: [...(one.refusals ?? []), ...(other.refusals ?? [])],
    conflicts: [...(one.conflicts ?? []), ...(other.conflicts ?? [])],
  };
}
