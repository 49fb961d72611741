const names = ['DbNull', 'JsonNull', 'AnyNull'] as const;

/**
 * Which of Prisma's nulls of JSON a value is. The project's client may have a runtime of its own, so
 * they are known by their names.
 */
export function nullOfPrisma(value: unknown): (typeof names)[number] | null {
  if (typeof value !== 'object' || value === null) return null;
  const made: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return names.find((name) => name === made) ?? null;
}
