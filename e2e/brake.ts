import type { App } from './app.ts';

const lockNumber = 4711;

/**
 * Makes writing each of these places wait for the journey: the database's own way to hold a task
 * in its middle. Each release lets it go on to the next of them.
 */
export async function blockAt(
  app: App,
  ...cityIds: number[]
): Promise<{ release(): Promise<void> }> {
  const holder = await app.connect();
  const numbers = cityIds.map((_, index) => lockNumber + index);
  for (const number of numbers) await holder.query('select pg_advisory_lock($1)', [number]);
  const waits = cityIds.map(
    (id, index) =>
      `if new.id = ${Number(id)} then perform pg_advisory_xact_lock_shared(${numbers[index]}); end if;`,
  );
  await app.sql.query(`
    create or replace function gazetteer.wait_for_journey() returns trigger language plpgsql as $$
      begin
        ${waits.join('\n        ')}
        return new;
      end $$;
    create or replace trigger wait_for_journey before update on gazetteer.city for each row execute function gazetteer.wait_for_journey();
  `);
  return {
    async release() {
      await holder.query('select pg_advisory_unlock($1)', [numbers.shift()]);
    },
  };
}

/** Holds the run of a task once its bar has moved: whatever it commits waits for the journey. */
export async function holdRun(app: App, taskId: number): Promise<{ release(): Promise<void> }> {
  const holder = await app.connect();
  const hasMoved = async () =>
    (await app.sql.query('select 1 from bulkhead.task where id = $1 and done > 0', [taskId]))
      .rowCount === 1;
  await until(
    async () => {
      await holder.query('begin');
      const slot = 'select 1 from bulkhead.task_slot where task_id = $1 for update';
      if ((await holder.query(slot, [taskId])).rowCount === 1) {
        // What it has told is written within this.
        await new Promise((done) => setTimeout(done, 300));
        if (await hasMoved()) return true;
      }
      await holder.query('commit');
      return false;
    },
    30_000,
    1,
  );
  return {
    async release() {
      await holder.query('commit');
    },
  };
}

/** Slows every row by a millisecond, so that a bar can be seen to move. */
export async function slowDown(app: App): Promise<void> {
  await app.sql.query(`
    create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();
  `);
}

export async function spanishIds(app: App): Promise<number[]> {
  const { rows } = await app.sql.query<{ id: number }>(
    `select id from gazetteer.city where country_code = 'ESP' order by id`,
  );
  return rows.map((row) => row.id);
}

export async function until(
  isSo: () => Promise<boolean>,
  timeoutMs = 20_000,
  everyMs = 50,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('it did not come true');
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
