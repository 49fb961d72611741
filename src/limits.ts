/** Every bound on what somebody sends, or makes us keep, in one place; `limitSentences` says each. */
export const limits = {
  /** Failed attempts for an account, after which attempts take turns. */
  freeAttempts: 10,
  attemptEveryMs: 1_000,
  /** Whoever would wait longer for a turn is told to come again. */
  longestTurnMs: 5_000,
  failuresKeptMs: 15 * 60_000,
  /** Accounts whose failed attempts are counted; beyond, the oldest are forgotten. */
  watchedAccounts: 10_000,
} as const;
