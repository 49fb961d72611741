import { type Database, openDatabase } from '../db/database.ts';

/**
 * Bulkhead's tables belong to a role that is neither owner nor superuser of the project's, so that
 * policies hold for it.
 */
const owned = (schemas: readonly string[]) => `
  do $$ declare found record; begin
    begin
      create role bulkhead_keeper login password 'keeper';
    exception when duplicate_object or unique_violation then null;
    end;
    for found in select nspname from pg_namespace where nspname in ('bulkhead', 'bulkhead_queue') loop
      execute format('alter schema %I owner to bulkhead_keeper', found.nspname);
    end loop;
    for found in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname in ('bulkhead', 'bulkhead_queue') and relkind in ('r', 'p', 'v') loop
      execute format('alter table %s owner to bulkhead_keeper', found.name);
    end loop;
    for found in select p.oid::regprocedure as name from pg_proc p join pg_namespace n on n.oid = pronamespace
      where nspname in ('bulkhead', 'bulkhead_queue') loop
      execute format('alter routine %s owner to bulkhead_keeper', found.name);
    end loop;
  end $$;
  ${schemas
    .map(
      (schema) => `grant usage on schema ${schema} to bulkhead_keeper;
  grant all on all tables in schema ${schema} to bulkhead_keeper;
  grant all on all sequences in schema ${schema} to bulkhead_keeper;`,
    )
    .join('\n')}`;

interface Owned {
  db: Database;
  connectionString: string;
  defer(undo: () => Promise<void>): void;
}

/** Makes that role; `schemas` are the project's, quoted. Returns how it reaches the database. */
export async function makeKeeper(
  owner: Pick<Database['pages'], 'query'>,
  address: string,
  schemas: readonly string[],
): Promise<string> {
  await owner.query(owned(schemas));
  const url = new URL(address);
  [url.username, url.password] = ['bulkhead_keeper', 'keeper'];
  return url.href;
}

/** The same database as that role sees it. */
export async function openAsKeeper(
  { db: owner, connectionString: address, defer }: Owned,
  schemas: readonly string[],
) {
  const connectionString = await makeKeeper(owner.pages, address, schemas);
  const db = await openDatabase({ connectionString });
  defer(() => db.close());
  return { db, connectionString };
}
