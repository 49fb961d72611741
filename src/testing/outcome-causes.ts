/**
 * A way in which a table lets fewer of the ten places be written than were asked for, and what is
 * to be said of them.
 */
export interface OutcomeCause {
  name: string;
  /** Statements of the table's owner. */
  sql: string;
  /** Of places 1 to 3: `passes` are written as any other. */
  update: TableFate;
  remove: TableFate;
  insert: TableFate;
  /** The notes of places 1 to 3 before; default: as those of the others. */
  were?: string;
  /** What stands in the notes after an update that passes; default: what was asked for. */
  stands?: string;
}

/**
 * `refused`: the whole table, the rule named; `set-refused`: the same, but a form of one record
 * writes.
 */
export type TableFate = 'passes' | 'kept-back' | 'failed' | 'refused' | 'set-refused';

const trigger = (name: string, when: string, on: string, body: string) => `
  create function gazetteer.${name}() returns trigger language plpgsql as $$ begin ${body} end $$;
  create trigger ${name} ${when} ${on} on gazetteer.city for each row execute function gazetteer.${name}();`;

const passing = { update: 'passes', remove: 'passes', insert: 'passes' } as const;

export const causes: readonly OutcomeCause[] = [
  { name: 'nothing in the way', sql: '', ...passing },
  {
    name: 'a trigger that returns NULL',
    sql:
      trigger(
        'hold_change',
        'before',
        'update',
        'if old.population <= 3 then return null; end if; return new;',
      ) +
      trigger(
        'hold_delete',
        'before',
        'delete',
        'if old.population <= 3 then return null; end if; return old;',
      ) +
      trigger(
        'hold_insert',
        'before',
        'insert',
        'if new.population <= 3 then return null; end if; return new;',
      ),
    update: 'kept-back',
    remove: 'kept-back',
    insert: 'kept-back',
  },
  {
    name: 'a trigger that puts the old value back',
    sql: trigger(
      'put_back',
      'before',
      'update',
      'if old.population <= 3 then new.notes := old.notes; end if; return new;',
    ),
    ...passing,
    update: 'kept-back',
  },
  {
    name: 'a trigger that writes another value',
    sql: trigger('shout', 'before', 'update', 'new.notes := upper(new.notes); return new;'),
    ...passing,
    stands: 'NEW',
  },
  {
    name: 'a trigger that raises',
    sql:
      trigger(
        'refuse_change',
        'before',
        'update or insert',
        `if new.population <= 3 then raise exception 'not this one'; end if; return new;`,
      ) +
      trigger(
        'refuse_delete',
        'before',
        'delete',
        `if old.population <= 3 then raise exception 'not this one'; end if; return old;`,
      ),
    update: 'failed',
    remove: 'failed',
    insert: 'failed',
  },
  {
    name: 'a policy that hides records from being written',
    sql: `alter table gazetteer.city enable row level security;
      create policy seen on gazetteer.city for select using (true);
      create policy made on gazetteer.city for insert with check (population > 3);
      create policy changed on gazetteer.city for update using (population > 3);
      create policy removed on gazetteer.city for delete using (population > 3);`,
    update: 'kept-back',
    remove: 'kept-back',
    insert: 'failed',
  },
  {
    name: 'a policy that checks what is written',
    sql: `alter table gazetteer.city enable row level security;
      create policy everything on gazetteer.city using (true);
      create policy checked on gazetteer.city as restrictive for update using (true) with check (population > 3);`,
    ...passing,
    update: 'failed',
  },
  {
    name: 'a rule that does nothing instead',
    sql: `create rule no_change as on update to gazetteer.city where old.population <= 3 do instead nothing;
      create rule no_delete as on delete to gazetteer.city do instead nothing;
      create rule no_insert as on insert to gazetteer.city do instead nothing;`,
    update: 'refused',
    remove: 'refused',
    insert: 'refused',
  },
  {
    name: 'a rule that does something else besides',
    sql: `create table if not exists gazetteer.told (what text); grant all on gazetteer.told to public;
      create rule tell_change as on update to gazetteer.city do also insert into gazetteer.told values ('change');
      create rule tell_delete as on delete to gazetteer.city do also insert into gazetteer.told values ('delete');`,
    update: 'set-refused',
    remove: 'set-refused',
    insert: 'passes',
  },
  {
    name: 'a collation to which capitals are the same',
    sql: `create collation gazetteer.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      alter table gazetteer.city alter notes type text collate gazetteer.loose;`,
    ...passing,
    were: 'NEW',
  },
];

/** Takes away whatever a cause has put in the way. */
export const nothingInTheWay = `do $$ declare found record; begin
    for found in select tgname, tgfoid::regprocedure as does from pg_trigger where tgrelid = 'gazetteer.city'::regclass and not tgisinternal loop
      execute format('drop trigger %I on gazetteer.city', found.tgname);
      execute format('drop function %s', found.does);
    end loop;
    for found in select rulename from pg_rewrite where ev_class = 'gazetteer.city'::regclass loop
      execute format('drop rule %I on gazetteer.city', found.rulename);
    end loop;
    for found in select polname from pg_policy where polrelid = 'gazetteer.city'::regclass loop
      execute format('drop policy %I on gazetteer.city', found.polname);
    end loop;
  end $$;
  alter table gazetteer.city disable row level security;
  alter table gazetteer.city alter notes type text collate "default";
  drop collation if exists gazetteer.loose;`;
