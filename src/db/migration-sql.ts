import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { escapeIdentifier, escapeLiteral } from 'pg';
import {
  historySql,
  historyTable,
  type MigrationSet,
  migrationLock,
  readMigrations,
} from './migrations.ts';

/** What a role needs that works with our tables and makes none. */
export interface RestrictedRole {
  readonly name: string;
  /** The database, which the statements are for. */
  readonly database: string;
}

/**
 * SQL for whoever administers a database: our two Postgres schemas with all that is in them, and
 * the rights of the role that works with them. It may be run again: what is there stays.
 */
export async function migrationSql(
  set: MigrationSet,
  queueSchema: string,
  role: RestrictedRole,
): Promise<string> {
  return [
    `-- What Bulkhead needs in the database ${comment(role.database)}, for its role ${comment(role.name)}, which makes nothing itself.`,
    '-- To be run by a superuser, or by whoever may create schemas there; safe to be run again, as after each upgrade.',
    'begin;',
    `select pg_advisory_xact_lock(${migrationLock});`,
    'set local statement_timeout = 0;',
    `set local timezone = 'UTC';`,
    ...(await ownStatements(set)),
    ...(await queueStatements(queueSchema)),
    ...grants(set.schema, queueSchema, escapeIdentifier(role.name)),
    'commit;',
    '',
  ].join('\n');
}

// A comment ends with its line.
function comment(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}

async function ownStatements(set: MigrationSet): Promise<string[]> {
  const schema = escapeIdentifier(set.schema);
  const history = `${schema}.${historyTable}`;
  const migrations = await readMigrations(set.folder);
  return [
    `create schema if not exists ${schema};`,
    `set local search_path to ${schema};`,
    block(
      `if to_regclass(${escapeLiteral(history)}) is null then
    if exists (select from pg_class where relnamespace = ${escapeLiteral(schema)}::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')) then
      raise exception ${escapeLiteral(`The Postgres schema ${set.schema.replaceAll('%', '%%')} holds tables that are not Bulkhead's.`)};
    end if;
    ${historySql};
  end if;`,
    ),
    ...migrations.map(({ name, sql }) => {
      const checksum = createHash('sha256').update(sql).digest('hex');
      return block(
        `if not exists (select from ${history} where migration_name = ${escapeLiteral(name)} and finished_at is not null and rolled_back_at is null) then
    execute ${dollars(sql)};
    insert into ${history} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
      values (gen_random_uuid()::text, '${checksum}', ${escapeLiteral(name)}, clock_timestamp(), clock_timestamp(), 1);
  end if;`,
      );
    }),
  ];
}

/** As graphile-worker does it itself, which is private to it; a test compares both. */
async function queueStatements(queueSchema: string): Promise<string[]> {
  const schema = escapeIdentifier(queueSchema);
  const folder = join(dirname(fileURLToPath(import.meta.resolve('graphile-worker'))), '../sql');
  const files = (await readdir(folder)).filter((name) => /^\d{6}\.sql$/.test(name)).sort();
  const steps = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      const number = Number.parseInt(file, 10);
      const isBreaking = text.startsWith('--! breaking-change');
      return block(
        `if not exists (select from ${schema}.migrations where id = ${number}) then
    insert into ${schema}.migrations (id, breaking) values (${number}, ${isBreaking});
    execute ${dollars(text.replace(/:GRAPHILE_WORKER_SCHEMA\b/g, () => schema))};
  end if;`,
      );
    }),
  );
  return [
    `create schema if not exists ${schema};`,
    'set local search_path to default;',
    `create table if not exists ${schema}.migrations (id int primary key, ts timestamptz default now() not null);`,
    `alter table ${schema}.migrations add column if not exists breaking boolean not null default false;`,
    ...steps,
  ];
}

/** The rows of our tables, and no more: nothing is made, altered or dropped with these. */
function grants(ownSchema: string, queueSchema: string, role: string): string[] {
  const [own, queue] = [ownSchema, queueSchema].map((name) => escapeIdentifier(name)) as [
    string,
    string,
  ];
  const rows = [own, queue].flatMap((schema) => [
    `grant usage on schema ${schema} to ${role};`,
    `grant select, insert, update, delete on all tables in schema ${schema} to ${role};`,
    `grant usage on all sequences in schema ${schema} to ${role};`,
  ]);
  const histories = [`${own}.${historyTable}`, `${queue}.migrations`];
  return [
    ...rows,
    ...histories.map((table) => `revoke insert, update, delete on ${table} from ${role};`),
    '-- The queue keeps its tables to their owner by row-level security.',
    block(
      `for place in select c.oid::regclass::text from pg_class c where c.relnamespace = ${escapeLiteral(queue)}::regnamespace and c.relrowsecurity loop
    execute format('drop policy if exists %I on %s', ${escapeLiteral(`bulkhead ${role}`)}, place);
    execute format('create policy %I on %s to %s using (true) with check (true)', ${escapeLiteral(`bulkhead ${role}`)}, place, ${escapeLiteral(role)});
  end loop;`,
      'declare place text; ',
    ),
  ];
}

function block(body: string, declare = ''): string {
  return `do ${dollars(`${declare}begin\n  ${body}\nend`)};`;
}

/** Quoted by a tag that it does not hold. */
function dollars(text: string): string {
  const tag = (name: string): string => ['', name, ''].join('$');
  let name = 'bulkhead';
  while (text.includes(tag(name))) name = `${name}_`;
  return tag(name) + text + tag(name);
}
