/**
 * Statements of the owner that make an empty table one of two partitions, cut at a number of
 * `column`. Foreign keys lead as before, and the sequence of its ids stays. Names without quotes.
 */
export function partitionSql(schema: string, table: string, column: string, below: number): string {
  const [whole, low, rest] = [table, `${table} low`, `${table} rest`].map(
    (name) => `${schema}."${name}"`,
  );
  return `
    alter table ${whole} rename to "${table} rest";
    create table ${whole} (like ${rest} including defaults including constraints including indexes) partition by range ("${column}");
    create table ${low} partition of ${whole} for values from (minvalue) to (${below});
    alter table ${whole} attach partition ${rest} default;
    do $$ declare key record; begin
      for key in select conname, conrelid::regclass as source, pg_get_constraintdef(oid) as said from pg_constraint
        where contype = 'f' and confrelid = '${rest}'::regclass and conparentid = 0 loop
        execute format('alter table %s drop constraint %I', key.source, key.conname);
        execute format('alter table %s add constraint %I %s', key.source, key.conname,
          replace(key.said, '${rest}'::regclass::text || '(', '${whole}'::regclass::text || '('));
      end loop;
      for key in select conname, pg_get_constraintdef(oid) as said from pg_constraint where contype = 'f' and conrelid = '${rest}'::regclass loop
        execute format('alter table ${whole} add constraint %I %s', key.conname, key.said);
      end loop;
    end $$;`;
}
