import { createHash } from 'node:crypto';

/** In an order of its own, so that the same settings have the same hash. */
export function settingsHash(agreed: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(agreed).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12);
}
