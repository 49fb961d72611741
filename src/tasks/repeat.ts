/** Does something again and again, with a pause between, until stopped; never twice at a time. */
export function repeat(
  everyMs: number,
  work: (isStopped: () => boolean) => Promise<unknown>,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let isStopped = false;
  let wakeUp: () => void = () => undefined;
  const loop = (async () => {
    while (!isStopped) {
      await work(() => isStopped).catch(onError);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
        if (isStopped) wakeUp();
      });
    }
  })();
  return {
    async stop() {
      isStopped = true;
      wakeUp();
      await loop;
    },
  };
}
