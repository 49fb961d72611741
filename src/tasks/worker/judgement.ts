import type { TaskContext } from '../context.ts';

/**
 * May this process take the silence of others for anything? Whoever stood still itself, or did not
 * reach the database, may have seen none of what was said meanwhile, and those beside it may have
 * stood still with it: they are given time to say that they are there.
 */
export interface Judgement {
  isSound(): boolean;
  distrust(): void;
  /** Longest that an answer of the database may have taken to be believed. */
  readonly maxAnswerMs: number;
}

/** Of somebody who looks once. */
export const sound: Judgement = {
  isSound: () => true,
  distrust: () => undefined,
  maxAnswerMs: Number.POSITIVE_INFINITY,
};

const lookEveryMs = 250;

export function startJudgement({
  staleAfterMs,
}: Pick<TaskContext['settings'], 'staleAfterMs'>): Judgement & { stop(): void } {
  const shortMs = staleAfterMs / 2;
  let seenAt = Date.now();
  let soundFrom = 0;
  const looking = setInterval(look, lookEveryMs).unref();
  return {
    isSound() {
      look();
      return Date.now() >= soundFrom;
    },
    distrust,
    maxAnswerMs: shortMs,
    stop: () => clearInterval(looking),
  };

  // By the clock of the wall: the other one stands still while a machine sleeps.
  function look(): void {
    const now = Date.now();
    // A clock that was set back would distrust for as long as it was set back.
    if (now - seenAt > shortMs || now < seenAt) distrust();
    seenAt = now;
  }

  function distrust(): void {
    soundFrom = Date.now() + shortMs;
  }
}
