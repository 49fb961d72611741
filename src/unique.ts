/**
 * What a launch does where the same is under way: `existing` gives that task, `refuse` throws
 * 'duplicate', `after` waits for its end, `replace` cancels what has not begun, and waits for the
 * end of what has.
 */
export type DuplicatePolicy = (typeof duplicatePolicies)[number];
export const duplicatePolicies = ['existing', 'refuse', 'after', 'replace'] as const;

/** What is not to be under way twice. */
export interface Unique<P> {
  /**
   * The same text is the same. Default: the parameters as they are given; of bulk work also who
   * launches it, and on which records.
   */
  readonly key?: (params: P) => string;
  /** Default: `existing`. */
  readonly policy?: DuplicatePolicy;
}
