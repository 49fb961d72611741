import pg from 'pg';
import { sqlstate, sqlstateOf } from './sqlstate.ts';

/**
 * What a server says of a session whose statement it does not answer: it is at it; it has answered,
 * or waits for us; it does not know the session; it cannot be reached; it cannot say.
 */
export type Became = 'going on' | 'waiting' | 'gone' | 'unreachable' | 'unknown';

/** Longest that the server takes to let us in, and to answer. */
const askMs = 5_000;
/** The server starts, or ends. */
const notThere: readonly (string | null)[] = [sqlstate.cannotConnectNow, sqlstate.adminShutdown];

interface Question {
  pids: Set<number>;
  answer: Promise<Became | ReadonlyMap<number, Became>>;
}

/** By the address that they are asked at: all sessions that are silent at once cost one question. */
const questions = new Map<string, Question>();

/** Asks a server over a connection of its own. */
export async function whatBecame(server: pg.ClientConfig, pid: number): Promise<Became> {
  const key = server.connectionString ?? '';
  const pids = new Set<number>();
  const question = questions.get(key) ?? { pids, answer: ask(server, pids) };
  questions.set(key, question);
  question.pids.add(pid);
  const answer = await question.answer;
  return typeof answer === 'string' ? answer : (answer.get(pid) ?? 'gone');
}

async function ask(server: pg.ClientConfig, pids: ReadonlySet<number>) {
  const client = new pg.Client({
    ...server,
    application_name: 'bulkhead asking',
    connectionTimeoutMillis: askMs,
    query_timeout: askMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const state = sqlstateOf(error);
    return state?.length === 5 && !notThere.includes(state) ? 'unknown' : 'unreachable';
  } finally {
    // Whoever asks from now on would come too late.
    questions.delete(server.connectionString ?? '');
  }
  try {
    const { rows } = await client.query<{ pid: number; became: Became }>(
      `select pid, case when state is null or state = 'fastpath function call' then 'going on'
         when state = 'active' and wait_event_type is distinct from 'Client' then 'going on' else 'waiting' end as became
       from pg_stat_activity where pid = any($1::int[])`,
      [[...pids]],
    );
    return new Map(rows.map(({ pid, became }) => [pid, became]));
  } catch {
    return 'unknown';
  } finally {
    void client.end().catch(() => undefined);
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
      .connection;
    setTimeout(() => stream.destroy(), askMs).unref();
  }
}
