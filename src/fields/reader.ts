import { IANAZone } from 'luxon';

/** Who reads or types a value. */
export interface Reader {
  /** IANA name of the zone in which times are shown, and meant where they name none. */
  readonly timeZone: string;
}

/** Somebody who says no zone, or one that there is not, reads as in UTC. */
export function readerOf({ timeZone }: { timeZone?: string }): Reader {
  return timeZone !== undefined && IANAZone.isValidZone(timeZone) ? { timeZone } : utcReader;
}

export const utcReader: Reader = Object.freeze({ timeZone: 'UTC' });
