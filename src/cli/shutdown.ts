/** Where a worker runs beside the pages, which go on. */
export const workerStopped =
  'The worker has stopped, as somebody asked on a page. Pages are served on: the next start has a worker again.';

/**
 * Calls `stop` once on SIGINT, SIGTERM, SIGHUP, or when the process that started this one is gone,
 * then exits; gives what does the same. A second signal does not wait.
 */
export function onShutdown(stop: () => Promise<void>): () => void {
  let isStopping = false;
  const end = (code: number) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    // Nothing may keep a stopped app alive for ever.
    setTimeout(() => process.exit(1), 40_000).unref();
    stop().then(
      () => process.exit(code),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  // A terminal sends Ctrl-C to the whole group and our parent passes it on as well: the same key
  // press twice.
  let first = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping && Date.now() - first < 1_000) return;
      first ||= Date.now();
      end(0);
    });
  }
  process.on('disconnect', () => end(0));
  return () => end(0);
}
