import type { Database } from '../db/database.ts';
import { inlined } from '../db/sql.ts';
import { entriesOf } from '../operations/journal/kept-images.ts';

/** A table whose every write is written down. */
export interface Ledgered {
  model: string;
  table: string;
  /** Those that inherit from it. */
  heirs?: readonly string[];
  /** SQL of a row's key as Bulkhead has it, of `row`. */
  key: string;
  /** Fields that are rows of another table: a write of nothing else writes no row of this one. */
  joined?: readonly string[];
  /** Fields that are compared, each with its column. */
  columns: Readonly<Record<string, string>>;
}

export const numbered = `lpad(row.id::text, 20, '0')`;

const cities: Ledgered = {
  model: 'City',
  table: 'gazetteer.city',
  key: numbered,
  joined: ['tags'],
  columns: { notes: 'notes', status: 'status', featured: 'featured', rating: 'rating' },
};

/**
 * Writes down every write of these tables, by triggers of the test's own: what was really done,
 * whatever our tables say.
 */
export async function keepLedger(
  owner: Pick<Database['pages'], 'query'>,
  tables: readonly Ledgered[] = [cities],
): Promise<void> {
  await owner.query(
    `create table gazetteer.ledger (seq bigserial primary key, model text not null, key text not null, kind text not null, before jsonb, after jsonb);
     create index on gazetteer.ledger (model, key, seq)`,
  );
  for (const { model, table, heirs = [], key } of tables) {
    const name = `gazetteer.keep_ledger_${model.toLowerCase()}`;
    // A row that is put back as it was is not written, whoever did it.
    await owner.query(
      `create function ${name}() returns trigger language plpgsql security definer as $$
         declare row record;
         begin
           if tg_op = 'DELETE' then row := old; else row := new; end if;
           if tg_op = 'UPDATE' and old::text = new::text then return null; end if;
           insert into gazetteer.ledger (model, key, kind, before, after) values ('${model}', ${key},
             case tg_op when 'INSERT' then 'create' else lower(tg_op) end,
             case when tg_op <> 'INSERT' then to_jsonb(old.*) end, case when tg_op <> 'DELETE' then to_jsonb(new.*) end);
           return null;
         end $$`,
    );
    for (const one of [table, ...heirs])
      await owner.query(
        `create trigger keep_ledger after insert or update or delete on ${one} for each row execute function ${name}()`,
      );
  }
}

/**
 * The ledger and what we say was done, side by side: the first writes of a record that only one of
 * them knows, or that each tells otherwise.
 */
export async function ledgerDifferences(
  owner: Pick<Database['pages'], 'query'>,
  change: string,
  limit: number,
  tables: readonly Ledgered[] = [cities],
): Promise<string[]> {
  const isOther = tables.flatMap(({ model, columns }) =>
    Object.entries(columns).flatMap(([field, column]) =>
      ['before', 'after'].map(
        (side) =>
          `(model = '${model}' and change.kind = 'update' and change.${side} ? '${field}' and (change.${side} ->> '${field}') is distinct from (ledger.${side} ->> '${column}'))`,
      ),
    ),
  );
  const joined = Object.fromEntries(
    tables.map((table) => [table.model, `{${(table.joined ?? []).join(',')}}`]),
  );
  const { rows } = await owner.query<{ text: string }>(
    `with ledger as (
       select model, key, row_number() over (partition by model, key order by seq) as n, kind, before, after from gazetteer.ledger
     ), change as (
       select model, entry.key, row_number() over (partition by model, entry.key order by change.id) as n, change.kind, change.task_id, entry.before, entry.after
       from ${change} change ${inlined(entriesOf('change', null))}
         cross join lateral (select ($3::jsonb ->> model)::text[] as fields) as joined
       where model = any($2) and not (change.kind = 'update' and entry.before ?| joined.fields and entry.before - joined.fields = '{}')
     )
     select format('%s %s, write %s: ledger %s, change %s of task %s', model, key, n, coalesce(ledger.kind, 'nothing'),
       coalesce(change.kind, 'nothing'), change.task_id) as text
     from ledger full join change using (model, key, n)
     where ledger.kind is distinct from change.kind or ${isOther.join(' or ')}
     order by model, key, n limit $1`,
    [limit, tables.map(({ model }) => model), joined],
  );
  return rows.map(({ text }) => text);
}
