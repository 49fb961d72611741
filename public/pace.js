// When a page asks for what moves by itself. A piece has an id, what is asked for, and how often, in milliseconds.

/** In a tab that nobody sees. */
const hiddenMs = 30_000;
/** What does not move is asked for so much more seldom at last. */
const slowest = 5;
/** Longest that whoever lost the connection waits before another try. */
const longestRetryMs = 30_000;
/** Characters of what is asked for at once; the rest is asked for next. */
const longest = 8_000;

/** A sixth more or less, so that pages that were opened together do not ask together. */
const scatter = () => 5 / 6 + Math.random() / 3;

export function createPace() {
  /** Of each piece by its id: when it was last asked for or first seen, and how long to wait after that. */
  const paces = new Map();
  /** What is asked for together stays together. */
  let factor = scatter();
  let failures = 0;
  let notBefore = 0;

  function paceOf({ id, everyMs }) {
    const pace = paces.get(id) ?? { at: Date.now(), ms: everyMs, wait: everyMs * factor };
    paces.set(id, pace);
    return pace;
  }

  function dueAt(piece, isHidden, share = 1) {
    const { at, wait } = paceOf(piece);
    return at + Math.max(wait, isHidden ? hiddenMs : 0) / share;
  }

  return {
    /** When to ask next. */
    nextAt(pieces, isHidden) {
      for (const id of paces.keys()) if (!pieces.some((piece) => piece.id === id)) paces.delete(id);
      return Math.max(notBefore, Math.min(...pieces.map((piece) => dueAt(piece, isHidden))));
    },

    /** Those that are due, and those that would be soon, which come along; and the query that asks for them. */
    wanted(pieces, isHidden) {
      const now = Date.now();
      const due = pieces
        .filter((piece) => dueAt(piece, isHidden, 2) <= now)
        .sort((one, other) => dueAt(one, isHidden) - dueAt(other, isHidden));
      const parts = new Set();
      const wanted = [];
      let length = 0;
      for (const piece of due) {
        const more = piece.live.split('&').filter((part) => !parts.has(part));
        length += more.join('&').length + 1;
        if (wanted.length > 0 && length > longest) break;
        for (const part of more) parts.add(part);
        wanted.push(piece);
      }
      return { wanted, query: [...parts].join('&') };
    },

    /** There was an answer. */
    answered() {
      failures = 0;
      notBefore = 0;
      factor = scatter();
    },

    /** The piece was asked for, and has moved since it was before, or has not. */
    asked(piece, hasMoved) {
      const { everyMs, id } = piece;
      const ms = hasMoved ? everyMs : Math.min(everyMs * slowest, paceOf(piece).ms * 1.5);
      paces.set(id, { at: Date.now(), ms, wait: ms * factor });
    },

    /** It begins anew with the piece. */
    forget(id) {
      paces.delete(id);
    },

    /** There was no answer; a server may have said when to come again, in seconds or as a date. */
    lost(retryAfter) {
      const wanted =
        Number(retryAfter ?? 0) * 1000 || Date.parse(retryAfter ?? '') - Date.now() || 0;
      const own = scatter() * Math.min(longestRetryMs, 1000 * 2 ** failures++);
      notBefore = Date.now() + Math.max(wanted, own);
    },

    /** Whatever waits is asked for at once. */
    hurry() {
      notBefore = 0;
      for (const pace of paces.values()) pace.wait = 0;
    },
  };
}
