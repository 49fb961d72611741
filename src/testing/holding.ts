import type pg from 'pg';
import { type JournalKind, journal } from '../operations/journal-kind.ts';
import type { Drawable } from './drawn-causes.ts';

/** How a database holds single records back from being written. */
export const holds = [
  'trigger that returns NULL',
  'trigger that puts the old value back',
  'trigger that raises',
  'policy',
] as const satisfies readonly Drawable[];

export type Hold = (typeof holds)[number];

/** What comes of a held record that would be written. */
export function fateOfHeld(hold: Hold, written: JournalKind): 'kept-back' | 'refused' | 'passes' {
  if (hold === 'trigger that raises') return 'refused';
  if (hold === 'trigger that puts the old value back')
    return written === journal.changed ? 'kept-back' : 'passes';
  if (hold === 'policy') return written === journal.created ? 'refused' : 'kept-back';
  return 'kept-back';
}

/** Statements of the owner: a table of records that are held, and the function of the triggers. */
export const holdingSql = (schema: string) => `
  create table ${schema}.held (of text, key text, hold text, primary key (of, key));
  grant select on ${schema}.held to public;
  create function ${schema}.hold_of(text, text) returns text language sql stable as 'select hold from ${schema}.held where of = $1 and key = $2';
  create function ${schema}.hold() returns trigger language plpgsql as $$
    declare
      row jsonb := case when tg_op = 'INSERT' then to_jsonb(new) else to_jsonb(old) end;
      hold text := ${schema}.hold_of(tg_argv[0], (select string_agg(row ->> name, '/' order by place) from unnest(tg_argv[1:]) with ordinality as id(name, place)));
    begin
      if hold = 'trigger that raises' then raise exception 'not this one'; end if;
      if hold = 'trigger that returns NULL' then return null; end if;
      if hold = 'trigger that puts the old value back' and tg_op = 'UPDATE' then return old; end if;
      if tg_op = 'DELETE' then return old; end if;
      return new;
    end $$;`;

/**
 * What holds records of a table: its name for `held`, and the columns of its key, whose texts are
 * joined by slashes.
 */
export interface Holdable {
  table: string;
  of: string;
  ids: readonly string[];
}

/**
 * Statements of the owner that let a table's records be held; the triggers are needed on tables
 * that inherit, too.
 */
export function holdableSql(schema: string, { table, of, ids }: Holdable): string {
  const key = ids.map((id) => `"${id}"::text`).join(` || '/' || `);
  const isFree = `${schema}.hold_of('${of}', ${key}) is distinct from 'policy'`;
  return `${holdingTriggerSql(schema, { table, of, ids })}
    alter table ${table} enable row level security;
    create policy seen on ${table} for select using (true);
    create policy made on ${table} for insert with check (${isFree});
    create policy changed on ${table} for update using (${isFree});
    create policy removed on ${table} for delete using (${isFree});`;
}

export function holdingTriggerSql(schema: string, { table, of, ids }: Holdable): string {
  const given = [of, ...ids].map((text) => `'${text}'`).join(', ');
  return `create trigger hold before insert or update or delete on ${table} for each row execute function ${schema}.hold(${given});`;
}

/** Holds exactly these records, in whatever way each. */
export async function holdOnly(
  owner: Pick<pg.Client, 'query'>,
  schema: string,
  of: string,
  held: Iterable<readonly [key: string, hold: Hold]>,
): Promise<void> {
  const entries = [...held];
  await owner.query(`delete from ${schema}.held`);
  if (entries.length === 0) return;
  await owner.query(
    `insert into ${schema}.held select $1, key, hold from unnest($2::text[], $3::text[]) as held(key, hold)`,
    [of, entries.map(([key]) => key), entries.map(([, hold]) => hold)],
  );
}

/**
 * Statements that put a rule on a table, which does nothing instead or something besides, and that
 * take it away.
 */
export const ruleSql = {
  instead: (table: string) => `create rule held_change as on update to ${table} do instead nothing;
    create rule held_delete as on delete to ${table} do instead nothing;`,
  besides: (table: string) => `create rule held_change as on update to ${table} do also select 1;
    create rule held_delete as on delete to ${table} do also select 1;`,
  none: (table: string) =>
    `drop rule if exists held_change on ${table}; drop rule if exists held_delete on ${table};`,
} as const;
