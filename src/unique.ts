/**
 * What a launch does where the same is under way: `existing` gives that task, `refuse` throws
 * 'duplicate', `after` waits for its end, `replace` cancels what has not begun, and waits for the
 * end of what has, `start-over` cancels that too, takes back what it did, and begins then.
 */
export type DuplicatePolicy = (typeof duplicatePolicies)[number];
export const duplicatePolicies = ['existing', 'refuse', 'after', 'replace', 'start-over'] as const;
/** What goes behind another cannot be done at once. */
export const waitingPolicies: readonly DuplicatePolicy[] = ['after', 'replace', 'start-over'];

/** What is not to be under way twice. */
export interface Unique<P> {
  /** The same text is the same. Default: what it is given, as it is. */
  readonly key?: (params: P) => string;
  /** Default: `existing`. */
  readonly policy?: DuplicatePolicy;
}
