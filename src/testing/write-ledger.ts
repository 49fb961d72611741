import type { Database } from '../db/database.ts';

/** Writes down every write of every place, by a trigger of the test's own: what was really done, whatever our tables say. */
export async function keepLedger(db: Database): Promise<void> {
  await db.pages.query(`
    create table gazetteer.ledger (seq bigserial primary key, id int not null, kind text not null, before jsonb, after jsonb);
    create function gazetteer.keep_ledger() returns trigger language plpgsql as $$ begin
      insert into gazetteer.ledger (id, kind, before, after) values (coalesce(new.id, old.id),
        case tg_op when 'INSERT' then 'create' else lower(tg_op) end,
        case when tg_op <> 'INSERT' then to_jsonb(old.*) end, case when tg_op <> 'DELETE' then to_jsonb(new.*) end);
      return null;
    end $$;
    create trigger keep_ledger after insert or update or delete on gazetteer.city for each row execute function gazetteer.keep_ledger();
    create index on gazetteer.ledger (id, seq);
  `);
}

const columns = ['notes', 'status', 'featured', 'rating'];

/**
 * The ledger and what we say was done, side by side: the first writes of a place that only one of them knows, or that each
 * tells otherwise.
 */
export async function ledgerDifferences({ pages, t }: Database, limit: number): Promise<string[]> {
  const isOther = columns.flatMap((column) =>
    ['before', 'after'].map(
      (side) =>
        `(change.kind = 'update' and change.${side} ? '${column}' and (change.${side} ->> '${column}') is distinct from (ledger.${side} ->> '${column}'))`,
    ),
  );
  const { rows } = await pages.query<{ text: string }>(
    `with ledger as (
       select lpad(id::text, 20, '0') as key, row_number() over (partition by id order by seq) as n, kind, before, after from gazetteer.ledger
     ), change as (
       select entry.key, row_number() over (partition by entry.key order by change.id) as n, change.kind, change.task_id, entry.before,
         case when jsonb_typeof(change.after) = 'array' then entry.after else change.after end as after
       from ${t.change} change cross join lateral rows from (unnest(change.keys), jsonb_array_elements(change.before),
         jsonb_array_elements(case when jsonb_typeof(change.after) = 'array' then change.after else '[]' end)) as entry(key, before, after)
       where change.model = 'City'
     )
     select format('place %s, write %s: ledger %s, change %s of task %s', key, n, coalesce(ledger.kind, 'nothing'),
       coalesce(change.kind, 'nothing'), change.task_id) as text
     from ledger full join change using (key, n)
     where ledger.kind is distinct from change.kind or ${isOther.join(' or ')}
     order by key, n limit $1`,
    [limit],
  );
  return rows.map(({ text }) => text);
}
