/** What each invariant that is broken comes to. Every other is a wrong state. */
const kinds: readonly (readonly [
  what: 'lost' | 'doubled' | 'locks left',
  names: readonly string[],
])[] = [
  [
    'lost',
    [
      'every write is told once, as it was',
      'a task that succeeded is done with all of its records',
      'every record that was not changed is named',
      'a task of its own that succeeded has dealt with every item',
      'every time of a schedule has its run',
      'a time of a schedule that was launched has a task',
    ],
  ],
  [
    'doubled',
    [
      'no item is dealt with twice',
      'a task says it changed as many records as its kept changes have',
    ],
  ],
  [
    'locks left',
    [
      'no slot is left',
      'no wake-up is left',
      'no lock is left',
      'no record is held by two tasks, but by one and those whose part it is',
    ],
  ],
];

/** A line that says how much was lost, doubled, left locked, and in a wrong state. */
export function brokenInWords(broken: readonly string[]): string {
  const counts = { lost: 0, doubled: 0, 'locks left': 0, 'wrong states': 0 };
  for (const text of broken) {
    const [, name = ''] = /^BROKEN: (.*)$/m.exec(text) ?? [];
    const kind = kinds.find(([, names]) => names.includes(name))?.[0] ?? 'wrong states';
    counts[kind]++;
  }
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
}
