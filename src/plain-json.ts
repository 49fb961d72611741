/** Objects and lists in each other; what leads back to itself has more. */
const maxLevels = 100;

/**
 * Where a value is not plain JSON, and would not come back from the database as it was given: a
 * place such as `params.until` and what stands there; null: it is.
 */
export function whyNotPlain(value: unknown, place: string, level = 0): string | null {
  if (level > maxLevels) return `${place} is nested too deeply, or leads back to itself.`;
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value === 'string') return isKept(value) ? null : notKept(place);
  if (typeof value === 'number')
    return Number.isFinite(value) ? null : `${place} is ${value}, which JSON has no number for.`;
  if (typeof value !== 'object') return `${place} is a ${typeof value}, which is not plain JSON.`;
  if (Array.isArray(value))
    return first(
      value.map((one, index) => [`${place}[${index}]`, one]),
      level,
    );
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return `${place} is a ${prototype?.constructor?.name ?? 'value of a class'}, which is not plain JSON.`;
  if (!Object.keys(value).every(isKept)) return notKept(`a name in ${place}`);
  return first(
    Object.entries(value).flatMap(([name, one]) =>
      one === undefined ? [] : [[`${place}.${name}`, one] as const],
    ),
    level,
  );
}

function isKept(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function notKept(place: string): string {
  return `${place} has a character that PostgreSQL does not keep.`;
}

function first(parts: readonly (readonly [string, unknown])[], level: number): string | null {
  for (const [place, value] of parts) {
    const reason = whyNotPlain(value, place, level + 1);
    if (reason) return reason;
  }
  return null;
}

/**
 * For `JSON.stringify`: names in one order, whatever order they were given in. The database keeps
 * them in one of its own.
 */
export function inOrder(_name: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
