import pg from 'pg';
import { differenceSql, type SchemaFiles, schemaSql } from '../../db/schema-engine.ts';
import { tableNames } from '../../db/names.ts';
import type { Metadata } from '../../metadata/contract.ts';
import { readStatements } from './read-statements.ts';
import { schemaError } from './schema-error.ts';

export interface BringUp {
  connectionString: string;
  /** Postgres schema of our own tables. */
  ownSchema: string;
  defaultSchema: string;
  dbSchemas: readonly string[];
  files: SchemaFiles;
  metadata: Metadata;
  /** Start although the database lacks something that the schema names. */
  isDifferenceIgnored: boolean;
  say(text: string): void;
}

const advisoryLock = 0x42_4c_4b_07;

/**
 * Makes an empty database fit the schema. One that is not empty is changed only where we made it and nothing would be dropped;
 * whatever else differs is shown as SQL, and refused where the pages could not work.
 *
 * @returns names of the models whose table or view is not there even so
 */
export async function bringUpSchema(options: BringUp): Promise<string[]> {
  const client = new pg.Client({ connectionString: options.connectionString });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [advisoryLock]);
    const found = await tablesOf(client, options.dbSchemas);
    if (found.length === 0) await push(client, options, await schemaSql(options.connectionString, options.defaultSchema, options.files));
    else await compare(client, options, found);
    return await missingModels(client, options);
  } finally {
    await client.end();
  }
}

// Prisma makes no views, so one that the schema names may not be there.
async function missingModels(client: pg.Client, { dbSchemas, metadata, say }: BringUp): Promise<string[]> {
  const there = new Set((await tablesOf(client, dbSchemas)).map(({ schema, name }) => `${schema}.${name}`));
  const missing = Object.values(metadata.models).filter(({ dbSchema, dbTable }) => !there.has(`${dbSchema}.${dbTable}`));
  for (const { name, isView } of missing) say(`${name} has no pages: its ${isView ? 'view' : 'table'} is not in the database.`);
  return missing.map(({ name }) => name);
}

interface Table {
  schema: string;
  name: string;
}

/** Tables and views; those that an extension made are nobody's data. */
async function tablesOf(client: pg.Client, dbSchemas: readonly string[], isOfExtension = false): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p', 'f', 'v', 'm')
       and exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') = $2
     order by 1, 2`,
    [dbSchemas, isOfExtension],
  );
  return rows;
}

async function compare(client: pg.Client, options: BringUp, found: readonly Table[]): Promise<void> {
  const isOurs = await wasPushed(client, options);
  // In a database that somebody else keeps, tables that the schema does not know are none of its business.
  const named = namedTables(options.metadata);
  const others = isOurs ? [] : found.filter(({ schema, name }) => !named.has(`${schema}.${name}`));
  const external = [...others, ...(await tablesOf(client, options.dbSchemas, true))].map(({ schema, name }) => `${schema}.${name}`);
  const enums = isOurs ? [] : await otherEnums(client, options);
  const filters = { externalTables: external, externalEnums: enums };
  const sql = await differenceSql(options.connectionString, options.defaultSchema, options.files, filters);
  if (sql === '') return;
  const { drops, losses, lacks } = readStatements(sql);
  options.say(`The database differs from the schema. These statements would make it fit:\n\n${indented(sql)}\n`);
  if (options.isDifferenceIgnored) return;
  if ((isOurs ? drops : losses).length > 0) {
    throw schemaError(
      'The difference is not made, since it would drop something: make it yourself, put the schema back, or start with --ignore-differences.',
      { sql },
    );
  }
  if (isOurs) return push(client, options, sql);
  if (lacks.length > 0) {
    throw schemaError(
      'The database lacks something that the schema names, and it is not ours to change: bring it up to date as you always do, or start with --ignore-differences.',
      { sql },
    );
  }
}

function indented(sql: string): string {
  return sql.replace(/^(?=.)/gm, '  ');
}

async function wasPushed(client: pg.Client, { ownSchema }: BringUp): Promise<boolean> {
  const { rows } = await client.query<{ is_pushed: boolean }>(
    `select exists (select 1 from ${tableNames(ownSchema).schema_push}) as is_pushed`,
  );
  return rows[0]?.is_pushed ?? false;
}

/** In one transaction: all of it, or a database as it was. */
async function push(client: pg.Client, { ownSchema, defaultSchema, say }: BringUp, sql: string): Promise<void> {
  const statements = readStatements(sql).all;
  try {
    await client.query('begin');
    await client.query(`create schema if not exists ${client.escapeIdentifier(defaultSchema)}`);
    await client.query(`set local search_path to ${client.escapeIdentifier(defaultSchema)}, public`);
    if (sql !== '') await client.query(sql);
    await client.query(`insert into ${tableNames(ownSchema).schema_push} (sql) values ($1)`, [sql]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw schemaError(`The database refused the schema, and nothing was changed: ${(error as Error).message}.`, { sql });
  }
  say(`The database was made to fit the schema (${statements.length} statements).`);
}

function namedTables({ models }: Metadata): Set<string> {
  const named = new Set<string>();
  for (const { dbSchema, dbTable, fields } of Object.values(models)) {
    named.add(`${dbSchema}.${dbTable}`);
    for (const { relation } of Object.values(fields)) {
      const [, schema, table] = /^"((?:[^"]|"")+)"\."((?:[^"]|"")+)"$/.exec(relation?.joinTable ?? '') ?? [];
      if (schema && table) named.add(`${schema.replaceAll('""', '"')}.${table.replaceAll('""', '"')}`);
    }
  }
  return named;
}

async function otherEnums(client: pg.Client, { dbSchemas, metadata }: BringUp): Promise<string[]> {
  const named = new Set(Object.values(metadata.enums).map(({ sqlType }) => sqlType));
  const { rows } = await client.query<Table>(
    `select n.nspname as schema, t.typname as name from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where n.nspname = any($1) and t.typtype = 'e'`,
    [dbSchemas],
  );
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return rows.filter(({ schema, name }) => !named.has(`${quote(schema)}.${quote(name)}`)).map(({ schema, name }) => `${schema}.${name}`);
}
