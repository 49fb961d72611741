/** Every state of a task, with what it means. Finished states are final. */
export const taskStates = {
  scheduled: { isFinished: false, meaning: 'will be queued when its time comes' },
  queued: { isFinished: false, meaning: 'waits for a worker, or for another task' },
  preparing: {
    isFinished: false,
    meaning: 'a worker is reading which records it is about; nothing is held or written yet',
  },
  running: { isFinished: false, meaning: 'its records are held and changed, chunk by chunk' },
  pausing: { isFinished: false, meaning: 'stops before the next chunk and keeps its locks' },
  paused: { isFinished: false, meaning: 'stopped between chunks; its locks are kept' },
  cancelling: { isFinished: false, meaning: 'ends before the next chunk' },
  succeeded: { isFinished: true, meaning: 'every record was changed, was so already, or was gone' },
  partial: { isFinished: true, meaning: 'some records were changed and some could not be' },
  failed: { isFinished: true, meaning: 'no record was changed, or it ended by an error' },
  cancelled: {
    isFinished: true,
    meaning: 'ended before all records were done; what was done stays',
  },
} as const;

export type TaskState = keyof typeof taskStates;

/** Every allowed move, with its reason. No other move is ever written. */
export const taskMoves: readonly {
  readonly from: TaskState;
  readonly to: TaskState;
  readonly because: string;
}[] = [
  { from: 'scheduled', to: 'queued', because: 'its time has come' },
  {
    from: 'scheduled',
    to: 'failed',
    because: 'SQL launched it with parameters that cannot be used',
  },
  { from: 'scheduled', to: 'cancelled', because: 'cancelled before its time' },
  { from: 'queued', to: 'preparing', because: 'a worker took it' },
  { from: 'queued', to: 'running', because: 'a place took it: an own task prepares nothing' },
  { from: 'queued', to: 'cancelled', because: 'cancelled before it began' },
  { from: 'queued', to: 'failed', because: 'its workers died, or it may not run any more' },
  { from: 'preparing', to: 'running', because: 'its records are frozen and held' },
  { from: 'preparing', to: 'queued', because: 'it waits for another task' },
  {
    from: 'preparing',
    to: 'failed',
    because: 'overlap, another count than previewed, permission withdrawn, or an error',
  },
  { from: 'preparing', to: 'cancelled', because: 'cancelled before its first chunk' },
  { from: 'running', to: 'succeeded', because: 'the last chunk is done and nothing failed' },
  { from: 'running', to: 'partial', because: 'the last chunk is done and something failed' },
  {
    from: 'running',
    to: 'failed',
    because: 'nothing could be changed, too much was refused, its workers died, or an error',
  },
  { from: 'running', to: 'queued', because: 'an own task is tried again later' },
  { from: 'running', to: 'cancelling', because: 'somebody cancelled it' },
  { from: 'queued', to: 'cancelling', because: 'cancelled while parts of it run' },
  { from: 'paused', to: 'cancelling', because: 'cancelled while parts of it run' },
  { from: 'running', to: 'cancelled', because: 'cancelled while no worker was at it' },
  { from: 'running', to: 'pausing', because: 'somebody paused it' },
  { from: 'running', to: 'paused', because: 'paused while no worker was at it' },
  { from: 'queued', to: 'paused', because: 'an own task was paused while it waited' },
  { from: 'paused', to: 'queued', because: 'an own task is resumed: it is called anew' },
  { from: 'pausing', to: 'succeeded', because: 'an own task was done before it heard of it' },
  { from: 'pausing', to: 'paused', because: 'its last runner has stopped' },
  { from: 'pausing', to: 'running', because: 'resumed before it had stopped' },
  { from: 'paused', to: 'running', because: 'resumed' },
  { from: 'paused', to: 'cancelled', because: 'cancelled while paused' },
  { from: 'pausing', to: 'cancelling', because: 'cancelled while pausing' },
  { from: 'pausing', to: 'cancelled', because: 'cancelled while pausing, with no worker at it' },
  { from: 'pausing', to: 'failed', because: 'its workers died' },
  { from: 'cancelling', to: 'cancelled', because: 'its last runner has stopped' },
  { from: 'cancelling', to: 'succeeded', because: 'an own task was done before it heard of it' },
  { from: 'cancelling', to: 'failed', because: 'its workers died, or it ran longer than it may' },
  { from: 'cancelling', to: 'queued', because: 'it ran longer than it may, and is tried again' },
  { from: 'cancelling', to: 'paused', because: 'it ran longer than it may after it was paused' },
];

export const unfinishedStates = Object.entries(taskStates)
  .filter(([, state]) => !state.isFinished)
  .map(([name]) => name) as TaskState[];

/** SQL list of the unfinished states, for partial indexes and joins: `'scheduled','queued',…`. */
export const unfinishedSql = unfinishedStates.map((state) => `'${state}'`).join(',');

/** The same of those in which a task has ended. */
export const endedSql = Object.entries(taskStates)
  .filter(([, state]) => state.isFinished)
  .map(([name]) => `'${name}'`)
  .join(',');

export function isFinished(state: TaskState): boolean {
  return taskStates[state].isFinished;
}

/** States from which a move to `to` is allowed. */
export function statesBefore(to: TaskState): TaskState[] {
  return taskMoves.filter((move) => move.to === to).map((move) => move.from);
}
