import pg from 'pg';
import type { Database } from '../db/database.ts';
import { until } from './until.ts';

/** An advisory lock of the tests' own. */
const brakeLock = 77;

/** What is done where a brake is: waits while it is held. */
export const brakeSql = `pg_advisory_xact_lock_shared(${brakeLock})`;

export interface Brake {
  /** Somebody stands at it. */
  isReached(): Promise<void>;
  letGo(): Promise<void>;
}

/** Holds up whoever comes by what `brakeSql` is a part of, from now on until it is let go. */
export async function holdBrake(
  { pages }: Pick<Database, 'pages'>,
  connectionString: string,
): Promise<Brake> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('select pg_advisory_lock($1)', [brakeLock]);
  let isHeld = true;
  return {
    isReached: () =>
      until(async () => {
        const { rowCount } = await pages.query(
          `select from pg_locks where locktype = 'advisory' and objid = $1 and not granted
             and database = (select oid from pg_database where datname = current_database())`,
          [brakeLock],
        );
        return rowCount !== 0;
      }),
    async letGo() {
      if (isHeld) await client.end();
      isHeld = false;
    },
  };
}

/** Puts a brake before every row that a trigger of this kind is called for. */
export async function brakeBefore(
  { pages }: Pick<Database, 'pages'>,
  event: string,
  table: string,
  when = 'true',
): Promise<void> {
  await pages.query(
    `create function public.brake() returns trigger language plpgsql as $$
       begin perform ${brakeSql}; if tg_op = 'DELETE' then return old; end if; return new; end $$;
     create trigger brake before ${event} on ${table} for each row when (${when}) execute function public.brake()`,
  );
}
