import { behindBouncer } from '../behind-bouncer.ts';
import { startTestServer } from '../database.ts';
import { failover } from './failover.ts';
import { type HalfOpenResult, halfOpen } from './half-open.ts';
import { CannotRun, install } from './install.ts';
import { namespacedLine, startReachable } from './namespaced-line.ts';
import { relayedLine } from './relayed-line.ts';

export type SayLine = (line: string) => void;

/** Runs one; returns what is broken, each as a text. Throws CannotRun. */
export type MachineCase = (say: SayLine) => Promise<readonly string[]>;

const staleAfterMs = 15_000;
const halfOpenFor = { ms: 60_000, times: 2, staleAfterMs };
/** A task has gone on elsewhere, and a cancel has taken effect, by then. */
const soonMs = 20_000;

/** What other servers and networks are needed for, by name. */
export const cases: Readonly<Record<string, MachineCase>> = {
  'half-open-relay': (say) =>
    within(async (after) => {
      const server = await startTestServer();
      after(() => server.stop());
      process.env.BULKHEAD_TEST_SERVER = server.connectionString;
      const open = (url: string) => relayedLine(url, after);
      return notSoon(await halfOpen(after, open, { ...halfOpenFor, say }), say);
    }),
  'half-open-namespaces': (say) =>
    within(async (after) => {
      assertLinux();
      await install(['ip'], say);
      const server = await startReachable();
      after(() => server.stop());
      process.env.BULKHEAD_TEST_SERVER = server.connectionString;
      const open = (url: string) => namespacedLine(url, after);
      return notSoon(await halfOpen(after, open, { ...halfOpenFor, say }), say);
    }),
  failover: async (say) => {
    const { pg_ctl: program } = await install(['pg_ctl'], say);
    const programs = program.replace(/\/pg_ctl$/, '');
    say(`PostgreSQL of ${programs}`);
    const broken: string[] = [];
    for (const isSynchronous of [true, false]) {
      say(isSynchronous ? 'Synchronous replication:' : 'Asynchronous replication, a line cut:');
      const found = await failover({ programs, isSynchronous, say });
      const answers = [...found.answers].map(([status, count]) => `${status}: ${count}`).join(', ');
      say(
        `Of ${found.saves} acknowledged saves ${found.lostSaves} are lost, of ${found.tasks} acknowledged tasks ${found.lostTasks} (answers ${answers})`,
      );
      broken.push(...found.broken);
      if (isSynchronous && found.lostSaves + found.lostTasks > 0)
        broken.push('BROKEN: what was acknowledged is lost');
    }
    return broken;
  },
  'behind-pooler': async (say) => {
    await install(['pgbouncer'], say);
    const { broken, writes, asked, routes } = await behindBouncer({
      seed: Date.now() % 2_147_483_647,
      ms: 60_000,
      say,
    });
    say(`Routes: ${asked} of ${routes}, writes: ${writes}`);
    return broken;
  },
};

async function within<T>(work: (after: (undo: () => unknown) => void) => Promise<T>): Promise<T> {
  const undoes: (() => unknown)[] = [];
  const undoAll = async () => {
    for (const undo of undoes.reverse()) await undo();
  };
  let result: T;
  try {
    result = await work((undo) => undoes.push(undo));
  } catch (error) {
    // What cannot be undone for it is no news.
    await undoAll().catch(() => undefined);
    throw error;
  }
  await undoAll();
  return result;
}

function notSoon({ wentOnMs, cancelledMs, broken }: HalfOpenResult, say: SayLine): string[] {
  const seconds = (all: readonly number[]) => all.map((ms) => (ms / 1_000).toFixed(1)).join(' s, ');
  say(`Went on elsewhere after ${seconds(wentOnMs)} s; cancelled after ${seconds(cancelledMs)} s`);
  const late = [...wentOnMs, ...cancelledMs].filter((ms) => ms > soonMs);
  return [...broken, ...late.map((ms) => `BROKEN: only after ${Math.round(ms / 1_000)} s`)];
}

function assertLinux(): void {
  if (process.platform !== 'linux')
    throw new CannotRun('This needs the network namespaces of Linux: run it there as root.');
}
