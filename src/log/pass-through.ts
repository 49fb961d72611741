import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from './log.ts';
import type { Around, Span } from './watching.ts';

/** Longest that is waited for `run` to be called. */
const longestMs = 5_000;

/** Runs something within what the project puts around it. */
export type PassThrough = <T>(span: Span, run: () => Promise<T>) => Promise<T>;

/**
 * Each part is run exactly once, and what it gives or throws is what comes of it. An `around` that
 * does not call it, calls it again or fails is said in the log; the part is run without it then.
 */
export function passThrough(around: Around | undefined, logOf: () => Logger): PassThrough {
  if (!around) return (_, run) => run();
  return <T>(span: Span, run: () => Promise<T>) => {
    let begun: Promise<T> | null = null;
    const begin = (): Promise<T> => {
      begun = (async () => run())();
      begun.catch(() => undefined);
      return begun;
    };
    const wrong = (error: unknown) =>
      logOf()('error', 'around is not as it must be', { span: `${span.kind} ${span.name}`, error });
    return new Promise<T>((resolve) => {
      const go = () => {
        const again = new Error(`around: run is called once for each ${span.kind}.`);
        if (begun) return Promise.reject(again);
        resolve(begin());
        return begun as unknown as Promise<T>;
      };
      const goWithout = (why: unknown) => {
        wrong(why);
        if (!begun) resolve(begin());
      };
      const over = new AbortController();
      wait(longestMs, null, { signal: over.signal }).then(
        () => {
          if (!begun) goWithout(new Error('around has not called run within 5 s.'));
        },
        () => undefined,
      );
      (async () => around(span, go))()
        .then(
          () => {
            if (!begun) goWithout(new Error('around has ended and not called run.'));
          },
          async (error) => {
            if (!(await isOf(error, begun))) goWithout(error);
          },
        )
        .finally(() => over.abort());
    });
  };
}

/** Has what was run failed by it? That is let through. */
async function isOf(error: unknown, begun: Promise<unknown> | null): Promise<boolean> {
  return (
    begun?.then(
      () => false,
      (own) => own === error,
    ) ?? false
  );
}
