import type pg from 'pg';

interface Entry {
  kind: string;
  what: string;
}

/** Everything that the system knows of a Postgres schema. */
export async function catalog(client: pg.Pool | pg.Client, schema: string): Promise<Entry[]> {
  const { rows } = await client.query<Entry>(
    `select 'column' as kind, c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         || case when l.collname <> 'default' then ' collate ' || l.collname else '' end as what
       from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
         left join pg_collation l on l.oid = a.attcollation
       where c.relnamespace = $1::regnamespace and a.attnum > 0 and not a.attisdropped and c.relkind = 'r'
     union all select 'index', pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid where c.relnamespace = $1::regnamespace
     union all select 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = $1::regnamespace
     union all select 'type', t.typname || ' ' || coalesce((select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum e where e.enumtypid = t.oid), '') from pg_type t where t.typnamespace = $1::regnamespace and t.typtype = 'e'
     union all select 'trigger', pg_get_triggerdef(g.oid) from pg_trigger g join pg_class c on c.oid = tgrelid where c.relnamespace = $1::regnamespace and not tgisinternal
     union all select 'function', pg_get_functiondef(oid) from pg_proc where pronamespace = $1::regnamespace and prokind = 'f'
     order by 1, 2`,
    [schema],
  );
  return rows;
}
