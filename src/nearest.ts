/** The name that somebody most likely meant; null where none is near. */
export function nearestOf(name: string, names: Iterable<string>): string | null {
  const [best] = [...names]
    .map((known) => ({ known, steps: distance(name.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  return best &&
    best.steps <= Math.max(2, Math.floor(name.length / 4)) &&
    best.steps < best.known.length
    ? best.known
    : null;
}

/** For the end of a sentence about a name that is none; empty where no other is near. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const nearest = nearestOf(name, names);
  return nearest === null ? '' : ` Did you mean "${nearest}"?`;
}

/** Letters to add, take away or change until one text is the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** A sentence for each option that is given and that there is not. */
export function unknownOptions(given: object, names: readonly string[]): string[] {
  return Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `${name} is no option.${didYouMean(name, names)}`);
}
