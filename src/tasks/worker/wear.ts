const lookEveryMs = 1_000;
const megabyte = 1024 ** 2;

export interface WearLimits {
  /** Tasks, and slices of bulk work, that are begun. Default: any number. */
  maxTasks?: number | null;
  /** Megabytes that the process takes of memory. Default: any. */
  maxMemoryMb?: number | null;
}

export interface Wear {
  /** A task, or a slice of bulk work, is taken. */
  count(): void;
  stop(): void;
}

/** Says once, and why, that a worker has done as much, or grown as large, as it may. */
export function startWear(
  { maxTasks = null, maxMemoryMb = null }: WearLimits,
  onWorn: (why: string) => void,
): Wear {
  let begun = 0;
  let isWorn = false;
  const looking = maxMemoryMb === null ? undefined : setInterval(look, lookEveryMs);
  return {
    count() {
      begun += 1;
      if (maxTasks !== null && begun >= maxTasks)
        say(`It has begun ${begun} tasks and slices of bulk work (BULKHEAD_WORKER_MAX_TASKS).`);
    },
    stop: () => clearInterval(looking),
  };

  function look(): void {
    const mb = Math.round(process.memoryUsage.rss() / megabyte);
    if (maxMemoryMb !== null && mb > maxMemoryMb)
      say(`It takes ${mb} MB of memory, more than ${maxMemoryMb} (BULKHEAD_WORKER_MAX_MEMORY_MB).`);
  }

  function say(why: string): void {
    if (isWorn) return;
    isWorn = true;
    onWorn(why);
  }
}
