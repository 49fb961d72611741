/** Who reads or types a value. */
export interface Reader {
  /** IANA name of the zone in which times are shown, and meant where they name none. */
  readonly timeZone: string;
}

/** Somebody who says no zone reads as in UTC. */
export function readerOf({ timeZone }: { timeZone?: string }): Reader {
  return timeZone === undefined ? utcReader : { timeZone };
}

export const utcReader: Reader = Object.freeze({ timeZone: 'UTC' });
