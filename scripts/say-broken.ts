/** How a long run ends: what is broken, if anything, and the exit status. */
export function endWith(broken: readonly string[], seed: number): never {
  for (const text of broken) console.log(`\n${text}`);
  console.log(
    `\n${broken.length === 0 ? 'Nothing is broken' : `${broken.length} broken (seed ${seed})`}`,
  );
  process.exit(broken.length === 0 ? 0 : 1);
}

export function inWords(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
