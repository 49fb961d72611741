import type { App } from './app.ts';

const lockNumber = 4711;

/**
 * Makes writing one place wait for the journey: the database's own way to hold a task in its
 * middle.
 */
export async function blockAt(app: App, cityId: number): Promise<{ release(): Promise<void> }> {
  const holder = await app.connect();
  await holder.query('select pg_advisory_lock($1)', [lockNumber]);
  await app.sql.query(`
    create or replace function gazetteer.wait_for_journey() returns trigger language plpgsql as $$
      begin
        if new.id = ${Number(cityId)} then perform pg_advisory_xact_lock_shared(${lockNumber}); end if;
        return new;
      end $$;
    create or replace trigger wait_for_journey before update on gazetteer.city for each row execute function gazetteer.wait_for_journey();
  `);
  return {
    async release() {
      await holder.query('select pg_advisory_unlock($1)', [lockNumber]);
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

export async function until(isSo: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('it did not come true');
    await new Promise((done) => setTimeout(done, 50));
  }
}
