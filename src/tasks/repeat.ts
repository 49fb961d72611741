export interface Repeated {
  /** Does it once more at once, or after what is under way. */
  call(): void;
  stop(): Promise<void>;
}

/** Does something again and again, with a pause between, until stopped; never twice at a time. */
export function repeat(
  everyMs: number,
  work: (isStopped: () => boolean) => Promise<unknown>,
  onError: (error: unknown) => void,
): Repeated {
  let isStopped = false;
  let isCalled = false;
  let wakeUp: () => void = () => undefined;
  const loop = (async () => {
    while (!isStopped) {
      isCalled = false;
      await work(() => isStopped).catch(onError);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
        if (isStopped || isCalled) wakeUp();
      });
    }
  })();
  return {
    call() {
      isCalled = true;
      wakeUp();
    },
    async stop() {
      isStopped = true;
      wakeUp();
      await loop;
    },
  };
}
