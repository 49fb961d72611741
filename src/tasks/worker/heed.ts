import type { TaskContext } from '../context.ts';

/** What somebody asks of a worker, as its row says. */
export interface Wish {
  asked: 'quiet' | 'stop' | null;
  askedBy: unknown;
  askedAt: Date | null;
}

export interface Heeding {
  /** The last that it has read. */
  readonly wish: Wish;
  /** Reads the row, and does what it says. */
  look(): void;
  /** Somebody has read `asked` of the row: where that is new, it is heeded. */
  hear(asked: Wish['asked']): void;
  /** Heeds nothing more; resolves when nothing is under way. */
  stop(): Promise<void>;
}

interface Acts {
  /** Takes nothing more. */
  quiet(): Promise<void>;
  /** Takes tasks again. */
  resume(): Promise<void>;
  /** Ends. */
  stop(): void;
}

export const noWish: Wish = { asked: null, askedBy: null, askedAt: null };

/**
 * Does what a worker is asked to, one thing after the other, and writes down that it has. `before`
 * is what it was asked, and does, from the start.
 */
export function startHeeding(context: TaskContext, id: string, before: Wish, acts: Acts): Heeding {
  const { background, t } = context.db;
  let wish = before;
  let isQuiet = wish.asked === 'quiet';
  let isStopped = false;
  let last = Promise.resolve();
  return {
    get wish() {
      return wish;
    },
    look,
    hear(asked) {
      if (asked !== wish.asked) look();
    },
    async stop() {
      isStopped = true;
      await last;
    },
  };

  function look(): void {
    last = last.then(heed).catch((error) =>
      context.log('warning', 'what the worker is asked is looked at again', {
        workerId: id,
        error,
      }),
    );
  }

  async function heed(): Promise<void> {
    if (isStopped) return;
    const { rows } = await background.query<Wish>(
      `select asked, asked_by as "askedBy", asked_at as "askedAt" from ${t.worker} where id = $1`,
      [id],
    );
    const [read] = rows;
    if (!read || isStopped) return;
    if (read.asked === 'stop') {
      wish = read;
      context.log('info', 'the worker is asked to stop', { workerId: id, by: read.askedBy });
      return acts.stop();
    }
    if ((read.asked === 'quiet') !== isQuiet) {
      await (isQuiet ? acts.resume() : acts.quiet());
      isQuiet = !isQuiet;
      await background.query(
        `update ${t.worker} set quiet_at = case when $2 then clock_timestamp() end where id = $1`,
        [id, isQuiet],
      );
    }
    wish = read;
  }
}
