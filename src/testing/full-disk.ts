import type { Queryable } from '../db/transaction.ts';

/**
 * Has PostgreSQL write to a device that is always full, as to a disk without room, whenever a row of
 * a table is written for which `condition` is so; as long as `public.full_disk` has a row.
 */
export async function fillDisk(
  client: Queryable,
  table: string,
  { condition = 'true', on = 'insert or update' } = {},
): Promise<void> {
  await client.query(`
    create table if not exists public.full_disk ();
    insert into public.full_disk default values;
    create or replace function public.write_full() returns trigger language plpgsql as $$ begin
      if exists (select from public.full_disk) then
        execute $copy$copy (select repeat('x', 1000000)) to '/dev/full'$copy$;
      end if;
      return new;
    end $$;
    create trigger write_full before ${on} on ${table} for each row when (${condition}) execute function public.write_full();
  `);
}

/** Somebody has made room. */
export async function makeRoomOnDisk(client: Queryable): Promise<void> {
  await client.query('delete from public.full_disk');
}
