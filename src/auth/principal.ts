/** What rules ask of somebody beside their roles, by names. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who is asking, as plain JSON: it is stored with every task and selection. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly email?: string;
  /**
   * IANA name of the zone in which times are shown to them, and meant where they name none.
   * Default: UTC.
   */
  readonly timeZone?: string;
  readonly roles: readonly string[];
  readonly claims?: Claims;
}
