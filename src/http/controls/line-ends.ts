const ends = /\r\n|\r|\n/g;

/**
 * A typed text with the line ends that it had before it was shown: a browser makes all of them
 * alike. Lines that were left alone keep theirs, and a new one gets that of the line before it.
 */
export function withLineEnds(typed: string, was: string): string {
  const had = was.match(ends) ?? [];
  if (had.every((end) => end === '\n')) return typed;
  const [before, after] = [was.split(ends), typed.split('\n')];
  const max = Math.min(before.length, after.length);
  let first = 0;
  while (first < max && before[first] === after[first]) first++;
  let last = 0;
  while (last < max - first && before.at(-1 - last) === after.at(-1 - last)) last++;
  const shift = before.length - after.length;
  let end = had[0] ?? '\n';
  return after.reduce((text, line, index) => {
    if (index <= first) end = had[index - 1] ?? end;
    else if (index > after.length - 1 - last) end = had[index - 1 + shift] ?? end;
    return index === 0 ? line : `${text}${end}${line}`;
  }, '');
}
