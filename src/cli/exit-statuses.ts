/** How commands end: the whole table. */
export const exitStatuses = {
  done: 0,
  /** Refused, failed, not found, or found wrong: a sentence on standard error says what. */
  failed: 1,
  /** Typed wrongly: nothing was begun. */
  usage: 2,
  /** What was waited for is not over in time; it goes on. */
  notOver: 3,
} as const;
