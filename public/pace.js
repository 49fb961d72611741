// How often a page asks for what moves by itself.

/** In a tab that nobody sees. */
export const hiddenMs = 30_000;
/** What does not move is asked for so much more seldom at last. */
const slowest = 5;
/** Longest that whoever lost the connection waits before another try. */
const longestRetryMs = 30_000;

/** The next interval of what was asked for every so often, and has moved since, or has not. */
export const nextMs = (ms, everyMs, hasMoved) =>
  hasMoved ? everyMs : Math.min(everyMs * slowest, ms * 1.5);

/** A sixth more or less, so that pages that were opened together do not ask together. */
export const scatter = () => 5 / 6 + Math.random() / 3;

/** After so many tries in vain, and what a server has said about when to come again, in seconds or as a date. */
export function retryMs(failures, retryAfter) {
  const wanted = Number(retryAfter ?? 0) * 1000 || Date.parse(retryAfter ?? '') - Date.now() || 0;
  return Math.max(wanted, scatter() * Math.min(longestRetryMs, 1000 * 2 ** (failures - 1)));
}
