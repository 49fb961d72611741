import type { Client } from 'pg';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import { blocksOf } from '../../metadata/schema-text.ts';
import { schemaError } from './schema-error.ts';

/** An extension that a schema needs, and by what it shows. */
interface Needed {
  readonly name: string;
  /** Postgres schema that its things are named in, where one is named. */
  readonly schema: string | null;
  readonly shownBy: string;
}

/**
 * Types, operator classes and functions that PostgreSQL has by an extension only; projects make it
 * in a migration, which Prisma's schema does not hold.
 */
const uses: readonly (readonly [extension: string, use: RegExp])[] = [
  ['citext', /@db\.Citext\b/g],
  ['citext', /Unsupported\("(?:"?(\w+)"?\.)?citext/gi],
  ['pg_trgm', /\b(?:(\w+)\.)?(?:gin_trgm_ops|gist_trgm_ops)\b/g],
  ['pg_trgm', /\b(?:(\w+)\.)?(?:word_)?similarity\(/g],
  ['uuid-ossp', /\b(?:(\w+)\.)?uuid_(?:generate_v\w+|nil|ns_\w+)\(/g],
  ['pgcrypto', /\b(?:(\w+)\.)?(?:gen_random_bytes|gen_salt|crypt|hmac|pgp_\w+)\(/g],
  ['unaccent', /\b(?:(\w+)\.)?(?:immutable_)?unaccent\(/g],
  ['fuzzystrmatch', /\b(?:(\w+)\.)?(?:soundex|levenshtein\w*|d?metaphone\w*)\(/g],
  ['hstore', /Unsupported\("(?:"?(\w+)"?\.)?hstore/gi],
  ['ltree', /Unsupported\("(?:"?(\w+)"?\.)?(?:ltree|lquery|ltxtquery)/gi],
  ['cube', /Unsupported\("(?:"?(\w+)"?\.)?cube/gi],
  ['seg', /Unsupported\("(?:"?(\w+)"?\.)?seg\b/gi],
  ['isn', /Unsupported\("(?:"?(\w+)"?\.)?(?:isbn|isbn13|issn|ean13|upc|ismn)\b/gi],
  ['vector', /Unsupported\("(?:"?(\w+)"?\.)?(?:vector|halfvec|sparsevec)\b/gi],
  ['postgis', /Unsupported\("(?:"?(\w+)"?\.)?(?:geometry|geography)\b/gi],
];

/**
 * Makes the extensions that a schema names or uses, in a database that is about to be filled.
 *
 * @param named those that the datasource names: Prisma makes them, where the server has them
 */
export async function makeExtensions(
  client: Client,
  files: SchemaFiles,
  named: readonly string[],
  { dbSchemas, isEmbedded }: { dbSchemas: readonly string[]; isEmbedded: boolean },
): Promise<void> {
  const { rows } = await client.query<{ name: string; installed_version: string | null }>(
    'select name, installed_version from pg_available_extensions',
  );
  const available = new Map(rows.map(({ name, installed_version }) => [name, installed_version]));
  for (const name of named)
    if (!available.has(name))
      throw schemaError(missing(name, 'named by its datasource', isEmbedded));
  for (const { name, schema, shownBy } of usesIn(files)) {
    if (available.get(name) || named.includes(name)) continue;
    // What lies in a Postgres schema of somebody else's is theirs to bring; an optional column of
    // it is left out.
    const isForeign = schema !== null && !dbSchemas.includes(schema);
    if (!available.has(name) && isForeign) continue;
    if (!available.has(name)) throw schemaError(missing(name, shownBy, isEmbedded));
    // The search path may begin with a schema of ours, which is named as its role.
    const place = client.escapeIdentifier(schema ?? 'public');
    await client.query(`create schema if not exists ${place}`);
    await client.query(
      `create extension if not exists ${client.escapeIdentifier(name)} schema ${place}`,
    );
  }
}

function missing(name: string, shownBy: string, isEmbedded: boolean): string {
  const where = isEmbedded
    ? 'the embedded database does not have: set DATABASE_URL to a server that has it'
    : "this database's server does not have: install it there";
  return `The schema needs the extension ${name} (${shownBy}), which ${where}.`;
}

function usesIn(files: SchemaFiles): Needed[] {
  const blocks = files.flatMap(([, text]) => blocksOf(text));
  const found = blocks.flatMap(({ body, name: model }) =>
    uses.flatMap(([name, use]) =>
      [...body.matchAll(use)].map(({ 0: text, 1: schema = null }) => ({
        name,
        schema,
        shownBy: `${shown(text)} in ${model}`,
      })),
    ),
  );
  return [...new Map(found.reverse().map((use) => [use.name, use])).values()];
}

function shown(text: string): string {
  return text.replace(/^Unsupported\("/, '').replace(/\($/, '');
}

// The type of a column in a Postgres schema that is not the project's, such as Supabase's
// `extensions`.
const foreignType = /^([ \t]*)(\w+)[ \t]+Unsupported\("((?:\w+)\.[^"]+)"\)(\[\]|\?)?[^\n]*/gm;

/**
 * Leaves optional columns out whose type lies in somebody else's Postgres schema and is not there;
 * nothing of ours ever writes them.
 */
export async function withoutForeignTypes(
  client: Client,
  files: SchemaFiles,
  dbSchemas: readonly string[],
  say: (text: string) => void,
): Promise<SchemaFiles> {
  const types = [
    ...new Set(
      files.flatMap(([, text]) =>
        [...text.matchAll(foreignType)].map((match) => match[3] as string),
      ),
    ),
  ];
  const isMissing = new Set<string>();
  for (const type of types) {
    if (dbSchemas.includes(type.split('.')[0] as string)) continue;
    const { rows } = await client.query<{ type: string | null }>(
      'select to_regtype($1)::text as type',
      [type.replace(/\(.*/, '')],
    );
    if (rows[0]?.type === null) isMissing.add(type);
  }
  return files.map(([path, text]) => [
    path,
    text.replace(
      foreignType,
      (line, blank: string, column: string, type: string, optional: string | undefined) => {
        if (!isMissing.has(type)) return line;
        if (optional === undefined)
          throw schemaError(
            `The column ${column} needs the type ${type}, which the database does not have.`,
          );
        say(`The column ${column} was left out: the database does not have its type, ${type}.`);
        return blank;
      },
    ),
  ]);
}
