const ofQueue = /[\\/]graphile-worker[\\/]dist[\\/]/;

/**
 * Of a connection that is lost the queue writes a stack to standard error, beside the line that it
 * gives to the log: that one is enough. Whoever else writes a trace does so as before.
 */
export function leaveOutQueueTraces(): void {
  const { trace } = console;
  console.trace = (...given: unknown[]) => {
    const [, , caller = ''] = (new Error().stack ?? '').split('\n');
    if (!ofQueue.test(caller)) trace.apply(console, given);
  };
}
