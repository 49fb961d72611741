import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type pg from 'pg';
import { escapeIdentifier } from 'pg';
import { UtcClient } from '../../db/client.ts';
import { tableNames } from '../../db/names.ts';
import { differenceSql, noFilters, type SchemaFiles, schemaSql } from '../../db/schema-engine.ts';
import type { Metadata } from '../../metadata/contract.ts';
import { compareCatalog } from './compare-catalog.ts';
import { makeExtensions, withoutForeignTypes } from './extensions.ts';
import { withGenerated } from './generated-defaults.ts';
import { additions, readStatements } from './read-statements.ts';
import { schemaError } from './schema-error.ts';

export interface BringUp {
  connectionString: string;
  /** The database is the embedded server's. */
  isEmbedded: boolean;
  /** Postgres schema of our own tables. */
  ownSchema: string;
  defaultSchema: string;
  dbSchemas: readonly string[];
  /** That the datasource names. */
  extensions: readonly string[];
  files: SchemaFiles;
  metadata: Metadata;
  /** Start although the database lacks something that the schema names. */
  isDifferenceIgnored: boolean;
  /** File for statements that nothing depends on. */
  differencesPath: string;
  say(text: string): void;
}

const advisoryLock = 0x42_4c_4b_07;

/**
 * Makes an empty database fit the schema. One that is not empty is changed only where we made it
 * and nothing would be dropped. Any other is only looked at: refused where pages could not work,
 * and else a line or two says what differs.
 *
 * @returns names of the models whose table or view is not there even so
 */
export async function bringUpSchema(options: BringUp): Promise<string[]> {
  const client = new UtcClient({ connectionString: options.connectionString });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [advisoryLock]);
    const pushed = await lastPush(client, options);
    const found = await tablesOf(client, options.dbSchemas);
    if (found.length === 0) await fill(client, options);
    else if (pushed) await followUp(client, options, pushed);
    else await compare(client, options, found);
    return await missingModels(client, options);
  } finally {
    await client.end();
  }
}

// Prisma makes no views, so one that the schema names may not be there.
async function missingModels(
  client: pg.Client,
  { dbSchemas, metadata, say }: BringUp,
): Promise<string[]> {
  const there = new Set(
    (await tablesOf(client, dbSchemas)).map(({ schema, name }) => `${schema}.${name}`),
  );
  const missing = Object.values(metadata.models).filter(
    ({ dbSchema, dbTable }) => !there.has(`${dbSchema}.${dbTable}`),
  );
  for (const { name, isView } of missing)
    say(`${name} has no pages: its ${isView ? 'view' : 'table'} is not in the database.`);
  return missing.map(({ name }) => name);
}

interface CatalogTable {
  schema: string;
  name: string;
}

/** Tables and views; those that an extension made are nobody's data. */
async function tablesOf(
  client: pg.Client,
  dbSchemas: readonly string[],
  isOfExtension = false,
): Promise<CatalogTable[]> {
  const { rows } = await client.query<CatalogTable>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p', 'f', 'v', 'm')
       and exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') = $2
     order by 1, 2`,
    [dbSchemas, isOfExtension],
  );
  return rows;
}

interface Push {
  id: number;
  /** Of the schema that the database was made to fit; null where an earlier version made it. */
  digest: string | null;
  /** Statements that Prisma's comparison finds even right after a push. */
  remainder: string;
}

async function lastPush(client: pg.Client, { ownSchema }: BringUp): Promise<Push | null> {
  const { rows } = await client.query<Push>(
    `select id, digest, remainder from ${tableNames(ownSchema).schema_push} order by id desc limit 1`,
  );
  return rows[0] ?? null;
}

function digestOf({ files, defaultSchema }: BringUp): string {
  return createHash('sha256')
    .update(JSON.stringify([defaultSchema, files]))
    .digest('hex');
}

async function fill(client: pg.Client, options: BringUp): Promise<void> {
  await push(client, options, (files) =>
    schemaSql(options.connectionString, options.defaultSchema, files),
  );
}

/**
 * Brings a database that we filled up to date: nothing to do if this schema was the last one
 * pushed; any other is pushed where nothing would be dropped.
 */
async function followUp(
  client: pg.Client,
  options: BringUp,
  { id, digest, remainder }: Push,
): Promise<void> {
  if (digest === digestOf(options)) return;
  const known = new Set(readStatements(remainder).all);
  const statements = readStatements(await difference(client, options)).all.filter(
    (text) => !known.has(text),
  );
  const sql = statements.join('\n\n');
  if (sql === '') {
    await client.query(
      `update ${tableNames(options.ownSchema).schema_push} set digest = $2 where id = $1`,
      [id, digestOf(options)],
    );
    return;
  }
  options.say(
    `The schema has changed. These statements make the database fit it:\n\n${indented(sql)}\n`,
  );
  if (options.isDifferenceIgnored) return;
  if (readStatements(sql).drops.length > 0) {
    throw schemaError(
      'The difference is not made, since it would drop something: make it yourself, put the schema back, or start with --ignore-differences.',
      { sql },
    );
  }
  await push(client, options, async () => sql);
}

/**
 * A database that somebody else keeps: the catalog says whether pages can work; Prisma's comparison
 * is only advice.
 */
async function compare(
  client: pg.Client,
  options: BringUp,
  found: readonly CatalogTable[],
): Promise<void> {
  if (options.isDifferenceIgnored) return;
  const { say } = options;
  const { lacks, notes } = await compareCatalog(client, options.metadata);
  for (const note of notes) say(note);
  const sql = await adviceFor(client, options, found);
  if (lacks.length > 0) {
    const wanted = readStatements(sql ?? '').lacks;
    if (wanted.length > 0)
      say(
        `The database lacks what these statements would add:\n\n${indented(firstOf(wanted, 20).join('\n\n'))}\n`,
      );
    const named = `${firstOf(lacks, 5).join(', ')}${lacks.length > 5 ? ` and ${lacks.length - 5} more` : ''}`;
    throw schemaError(
      `The database lacks something that the schema names, and it is not ours to change (${named}): bring it up to date as you always do, or start with --ignore-differences.`,
      { lacks },
    );
  }
  await keepAdvice(options, sql === null ? [] : additions(sql));
}

function firstOf<T>(list: readonly T[], count: number): T[] {
  return list.slice(0, count);
}

async function adviceFor(
  client: pg.Client,
  options: BringUp,
  found: readonly CatalogTable[],
): Promise<string | null> {
  // Tables that the schema does not know are none of its business.
  const named = namedTables(options.metadata);
  const others = found.filter(({ schema, name }) => !named.has(`${schema}.${name}`));
  const external = [...others, ...(await tablesOf(client, options.dbSchemas, true))].map(
    ({ schema, name }) => `${schema}.${name}`,
  );
  try {
    return await differenceSql(options.connectionString, options.defaultSchema, options.files, {
      externalTables: external,
      externalEnums: await otherEnums(client, options),
    });
  } catch (error) {
    options.say(
      `Prisma cannot compare this database with the schema (${reasonOf(error)}): only tables and columns were looked at.`,
    );
    return null;
  }
}

/** The engine's own sentence, without its stack. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return (message.split('\n').find((line) => line.trim() !== '') ?? 'no reason given')
    .trim()
    .replace(/\.$/, '');
}

async function keepAdvice(
  { differencesPath, say }: BringUp,
  statements: readonly string[],
): Promise<void> {
  if (statements.length === 0) return rm(differencesPath, { force: true });
  await mkdir(dirname(differencesPath), { recursive: true });
  const head =
    '-- What Prisma would add or alter for the database to be to the letter what the schema says. No page needs it.\n\n';
  await writeFile(differencesPath, `${head}${statements.join('\n\n')}\n`);
  say(
    `Prisma finds ${statements.length} further differences, which no page needs: ${differencesPath}`,
  );
}

async function difference(client: pg.Client, options: BringUp): Promise<string> {
  const external = (await tablesOf(client, options.dbSchemas, true)).map(
    ({ schema, name }) => `${schema}.${name}`,
  );
  return differenceSql(options.connectionString, options.defaultSchema, options.files, {
    ...noFilters,
    externalTables: external,
  });
}

function indented(sql: string): string {
  return sql.replace(/^(?=.)/gm, '  ');
}

/**
 * Pushes the schema in one transaction: all of it or nothing, except for extensions, which hold no
 * data.
 */
async function push(
  client: pg.Client,
  options: BringUp,
  sqlFor: (files: SchemaFiles) => Promise<string>,
): Promise<void> {
  const { ownSchema, defaultSchema, dbSchemas, metadata, say } = options;
  await makeExtensions(client, options.files, options.extensions, options);
  const files = await withoutForeignTypes(client, options.files, dbSchemas, say);
  // Prisma's engine has a connection of its own: it would wait for what a transaction here has
  // made.
  const given = await sqlFor(files);
  let sql = given;
  try {
    await client.query('begin');
    await client.query(`create schema if not exists ${client.escapeIdentifier(defaultSchema)}`);
    await client.query(
      `set local search_path to ${client.escapeIdentifier(defaultSchema)}, public`,
    );
    sql = await withGenerated(client, metadata, given);
    if (sql !== '') await client.query(sql);
    await client.query(
      `insert into ${tableNames(ownSchema).schema_push} (sql, digest) values ($1, $2)`,
      [sql, digestOf(options)],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    if (
      typeof (error as { code?: unknown }).code !== 'string' ||
      !('severity' in (error as object))
    )
      throw error;
    throw schemaError(
      `The database refused the schema, and nothing was changed: ${(error as Error).message}.`,
      { sql },
    );
  }
  await keepRemainder(client, options);
  say(`The database was made to fit the schema (${readStatements(sql).all.length} statements).`);
}

// Stores the differences that Prisma reports right after a push: for some constructs it always
// does. The same ones are no difference later.
async function keepRemainder(client: pg.Client, options: BringUp): Promise<void> {
  const remainder = await difference(client, options).catch(() => '');
  if (remainder === '') return;
  const { schema_push: table } = tableNames(options.ownSchema);
  await client.query(
    `update ${table} set remainder = $1 where id = (select max(id) from ${table})`,
    [remainder],
  );
}

function namedTables({ models }: Metadata): Set<string> {
  const named = new Set<string>();
  for (const { dbSchema, dbTable, fields } of Object.values(models)) {
    named.add(`${dbSchema}.${dbTable}`);
    for (const { relation } of Object.values(fields)) {
      const [, schema, table] =
        /^"((?:[^"]|"")+)"\."((?:[^"]|"")+)"$/.exec(relation?.joinTable ?? '') ?? [];
      if (schema && table)
        named.add(`${schema.replaceAll('""', '"')}.${table.replaceAll('""', '"')}`);
    }
  }
  return named;
}

async function otherEnums(client: pg.Client, { dbSchemas, metadata }: BringUp): Promise<string[]> {
  const named = new Set(Object.values(metadata.enums).map(({ sqlType }) => sqlType));
  const { rows } = await client.query<CatalogTable>(
    `select n.nspname as schema, t.typname as name from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where n.nspname = any($1) and t.typtype = 'e'`,
    [dbSchemas],
  );
  return rows
    .filter(
      ({ schema, name }) => !named.has(`${escapeIdentifier(schema)}.${escapeIdentifier(name)}`),
    )
    .map(({ schema, name }) => `${schema}.${name}`);
}
