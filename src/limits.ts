/** Bounds on what somebody sends, or makes us keep, in one place. What a filter may be stands with it, in `filterLimits`. */
export const limits = {
  /** Failed attempts for an account, after which attempts take turns. */
  freeAttempts: 10,
  attemptEveryMs: 1_000,
  /** Whoever would wait longer for a turn is told to come again. */
  longestTurnMs: 5_000,
  failuresKeptMs: 15 * 60_000,
  /** Accounts whose failed attempts are counted; beyond, the oldest are forgotten. */
  watchedAccounts: 10_000,
  /** Names in one form. */
  formFields: 2_000,
  /** Values of one name. */
  valuesOfField: 5_000,
  /** Values of a list that is typed. */
  listValues: 5_000,
  /** Time zones whose spelling is remembered: all there are. */
  cachedZones: 1_000,
  /** Longest that a connection is silent, and that a request takes to arrive. */
  silentMs: 60_000,
} as const;

const number = new Intl.NumberFormat('en');

/** What is said where a bound is met. */
export const limitTexts = {
  formFields: `A form has at most ${number.format(limits.formFields)} fields. Nothing was done.`,
  valuesOfField: (name: string) =>
    `“${name.slice(0, 40)}” has more than ${number.format(limits.valuesOfField)} values, which is the most that can be sent at a time. Nothing was done.`,
  listValues: (label: string) => `${label} can take at most ${number.format(limits.listValues)} values in a form.`,
};
