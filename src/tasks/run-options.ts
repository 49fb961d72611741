/** What to do where another task holds some of the records: nothing, go on without them, or wait for its end. */
export type Overlap = 'refuse' | 'skip' | 'wait';

/** What somebody chose beside the operation itself, on the preview. */
export interface RunOptions {
  /** In the background even if few; the good ones are then kept. */
  inBackground: boolean;
  overlap: Overlap;
  /** Leave alone, as conflicted, records written since the preview. */
  skipChanged: boolean;
  /** Stop above this share of refused records, 0 to 1; null is the resource's own rule. */
  stopRatio: number | null;
  /** Why, in the person's words; kept with the task and its changes. */
  changeReason: string | null;
}

export const defaultRunOptions: RunOptions = {
  inBackground: false,
  overlap: 'refuse',
  skipChanged: false,
  stopRatio: null,
  changeReason: null,
};
