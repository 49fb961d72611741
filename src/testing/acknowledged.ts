import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { TableNames } from '../db/names.ts';

/** Where hooks in workers write down what they were told: outside of the database. */
export const heardVariable = 'CHAOS_HEARD';

/**
 * A table that nothing is attached to: its chunks are done within the server, and no commit but the
 * last is waited for.
 */
export const plainModel = 'IdDatabaseUuid';
export const plainTable = `"Odd-Schema"."${plainModel}"`;

/** How long a crash waits for a task on that table. */
const waitMs = 5_000;

/** What a hook was told, a line each. */
export function writeHeard(id: number, state: string): void {
  const file = process.env[heardVariable];
  if (file) appendFileSync(file, `${id} ${state}\n`);
}

/**
 * What somebody was told that it is done, noted outside of the database, so that a crash that takes
 * it back there is found.
 */
export class Acknowledged {
  readonly #launched = new Set<number>();
  readonly #saved = new Set<string>();
  readonly #ended = new Map<number, string>();
  readonly #heard: string;
  /** Crashes after which a running task had fewer chunks done than somebody had seen before. */
  lostCommits = 0;

  constructor(heard: string) {
    this.#heard = heard;
  }

  /** A launch was answered. */
  launched(id: number): void {
    this.#launched.add(id);
  }

  /** A form was saved, with this in its notes. */
  saved(notes: string): void {
    this.#saved.add(notes);
  }

  /** Final states that a page would show. */
  async seeEnded(client: Pool, t: TableNames): Promise<void> {
    const { rows } = await client.query<{ id: number; end: string }>(
      `select id, format('%s, %s changed', state, changed) as end from ${t.task} where finished_at is not null and id <> all($1)`,
      [[...this.#ended.keys()]],
    );
    for (const { id, end } of rows) this.#ended.set(id, end);
  }

  /**
   * Crashes the server, while a task that is done within the server runs if one comes, and looks
   * whether anything that was seen until then is gone.
   */
  async crash(client: Pool, t: TableNames, crash: () => Promise<void>): Promise<void> {
    const until = Date.now() + waitMs;
    const isRunning = `select from ${t.task} where state = 'running' and model = '${plainModel}' and chunks_done > 0`;
    while (Date.now() < until && !(await client.query(isRunning).catch(() => null))?.rowCount)
      await wait(5);
    const seen = new Map<number, number>();
    let [isOver, isLess] = [false, false];
    const watching = (async () => {
      while (!isOver) {
        for (const [id, done] of await chunksDone(client, t).catch(() => [])) {
          isLess ||= done < (seen.get(id) ?? 0);
          seen.set(id, done);
        }
        await wait(2);
      }
    })();
    await crash();
    await wait(200);
    isOver = true;
    await watching;
    if (isLess) this.lostCommits++;
  }

  /** What is there no more, a sentence each. */
  async findLost(client: Pool, t: TableNames): Promise<string[]> {
    const heard = readFileSync(this.#heard, 'utf8').split('\n').filter(Boolean);
    const rowsOf = (text: string, values: unknown[]) =>
      client.query<{ text: string }>(text, values).then(({ rows }) => rows.map((row) => row.text));
    return [
      ...(await rowsOf(
        `select format('task %s was launched, and is not there', id) as text from unnest($1::int[]) id where id not in (select id from ${t.task})`,
        [[...this.#launched]],
      )),
      ...(await rowsOf(
        `select format('“%s” was saved, and no change tells of it', notes) as text from unnest($1::text[]) notes
         where notes not in (select one ->> 'notes' from ${t.change} cross join jsonb_array_elements(case jsonb_typeof(after) when 'array' then after else '[]' end) one
           where task_id is null and one ->> 'notes' is not null)`,
        [[...this.#saved]],
      )),
      ...(await rowsOf(
        `select format('task %s ended %s, and is %s, %s changed', id, said, state, changed) as text
         from unnest($1::int[], $2::text[]) ended (id, said) left join ${t.task} task using (id) where said is distinct from format('%s, %s changed', state, changed)`,
        [[...this.#ended.keys()], [...this.#ended.values()]],
      )),
      ...(await rowsOf(
        `select format('a hook was told that task %s %s, and it is %s', id, said, coalesce(state, 'not there')) as text
         from unnest($1::int[], $2::text[]) heard (id, said) left join ${t.task} task using (id) where said is distinct from state`,
        [heard.map((line) => Number(line.split(' ')[0])), heard.map((line) => line.split(' ')[1])],
      )),
    ];
  }

  inWords(): string {
    return `Noted outside of the database: ${this.#launched.size} launches, ${this.#saved.size} saves, ${this.#ended.size} final states; ${this.lostCommits} crashes took commits of chunks back`;
  }
}

async function chunksDone(client: Pool, t: TableNames): Promise<Map<number, number>> {
  const { rows } = await client.query<{ id: number; done: number }>(
    `select id, chunks_done as done from ${t.task} where state = 'running'`,
  );
  return new Map(rows.map(({ id, done }) => [id, done]));
}
