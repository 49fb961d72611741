import { IANAZone } from 'luxon';
import { BoundedMap } from '../bounded-map.ts';
import { limits } from '../limits.ts';

const known = new BoundedMap<string, string>(limits.remembered.zones);

/**
 * The one spelling of a zone's name, whatever the case that it is given in; null: there is no such
 * zone.
 */
export function zoneNamed(zone: string): string | null {
  const key = zone.toLowerCase();
  const found = known.get(key);
  if (found !== undefined) return found;
  if (zone.length > 64 || !IANAZone.isValidZone(key)) return null;
  const name = new Intl.DateTimeFormat('en', { timeZone: key }).resolvedOptions().timeZone;
  known.set(key, name);
  return name;
}

export function knownZones(): number {
  return known.size;
}
