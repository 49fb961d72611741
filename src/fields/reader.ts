/** Who reads or types a value. */
export interface Reader {
  /** IANA name of the zone in which times are shown, and meant where they name none. */
  readonly timeZone: string;
}

export const utcReader: Reader = Object.freeze({ timeZone: 'UTC' });
