/**
 * What a database does that Prisma's schema does not say: the generators of the long runs draw each
 * of it.
 */
export const drawables = [
  'trigger that returns NULL',
  'trigger that puts the old value back',
  'trigger that raises',
  'policy',
  'rule',
  'collation without case',
  'collation without accents',
  'list with empty places',
  'list of lists',
  'partitioned table',
  'inherited table',
  'deferrable unique',
  'plain unique',
] as const;

export type Drawable = (typeof drawables)[number];

export interface DrawnCauses {
  draw(causes: Iterable<Drawable>): void;
  /** Each with how often. */
  inWords(): string;
  /** Those that should have been drawn and were not. */
  never(): Drawable[];
}

/** Counts what a generator drew, so that a cause that never occurs is seen. */
export function countDrawn(expected: readonly Drawable[] = drawables): DrawnCauses {
  const counts = new Map<Drawable, number>(expected.map((cause) => [cause, 0]));
  return {
    draw(causes) {
      for (const cause of causes) counts.set(cause, (counts.get(cause) ?? 0) + 1);
    },
    inWords: () => `Drawn: ${[...counts].map(([cause, times]) => `${cause} ${times}`).join(', ')}`,
    never: () => [...counts].filter(([, times]) => times === 0).map(([cause]) => cause),
  };
}
