import type { Principal } from '../auth/principal.ts';

/** What is about to be launched, as its manager is asked. */
export interface AskedLaunch {
  /** Of the operation, or of the task's definition. */
  readonly name: string;
  /**
   * Slug of the resource that it is launched from: by an operation on its records, a button at them,
   * a hook that writes one; null: from none.
   */
  readonly resource: string | null;
  /** On whose behalf. */
  readonly principal: Principal;
  /** What the launch keeps with it. */
  readonly meta: unknown;
}

/** What it answers: plain JSON that is kept with the task in place of that; nothing: it stays. */
// biome-ignore lint/suspicious/noConfusingVoidType: what only refuses returns nothing
export type LaunchAnswer = { readonly meta?: unknown } | undefined | void;
