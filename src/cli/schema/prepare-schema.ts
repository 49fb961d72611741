import { relative, sep } from 'node:path';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import { type Block, blocksOf } from '../../metadata/schema-text.ts';
import { ourFile, ourModule } from '../../our-files.ts';
import { schemaError } from './schema-error.ts';

/** A copy of a schema that this version of Prisma and Bulkhead's generator understand. */
export interface PreparedSchema {
  /** For the client: with generators and datasource of ours. */
  readonly files: SchemaFiles;
  /** The same with nothing else altered, for where Prisma refuses what we made of it. */
  readonly plain: SchemaFiles;
  /** For the tables: the same, with those that Prisma ignores. */
  readonly tables: SchemaFiles;
  /** The Postgres schemas that its tables are in. */
  readonly dbSchemas: readonly string[];
  /** Extensions that the datasource names. */
  readonly extensions: readonly string[];
  /** The environment variable that the project keeps its database's address in. */
  readonly addressVariable: string | null;
}

/** Name of the file that is added. */
const ownFile = 'bulkhead.generated.prisma';

interface Located extends Block {
  readonly file: string;
}

/**
 * Makes the copy: generators are replaced by ours, the address of the database is left out of the
 * datasource. Lines keep their numbers, so that what Prisma says about the copy is true of the
 * original.
 *
 * @param defaultSchema Postgres schema of what names none
 */
export function prepareSchema(files: SchemaFiles, defaultSchema: string): PreparedSchema {
  const blocks = files.flatMap(([file, text]) =>
    blocksOf(text).map((block): Located => ({ ...block, file })),
  );
  const source = datasourceOf(blocks);
  if (!blocks.some(({ kind }) => kind === 'model' || kind === 'view'))
    throw schemaError('The schema has no models.');
  const dbSchemas = [...(source.lists.schemas ?? '').matchAll(/"([^"]+)"/g)].map(
    (match) => match[1] as string,
  );
  const own = ownBlocks(source, featuresOf(blocks));
  const copy = (alter: (block: Block, own: string) => string): SchemaFiles => [
    ...files.map(([file, text]) => [file, copyOf(text, alter)] as const),
    [ownFile, own],
  ];
  return {
    files: copy((block, text) =>
      renamed(block, isWithoutUnique(block) ? asView(text) : viewOf(block, text)),
    ),
    plain: copy((_, text) => text),
    tables: copy(viewOf),
    dbSchemas: dbSchemas.length > 0 ? dbSchemas : [defaultSchema],
    extensions: extensionNames(source.lists.extensions ?? ''),
    addressVariable: source.addressVariable,
  };
}

/**
 * Preview features that change what a schema may say; those of the client's make no difference to
 * pages.
 */
const grammarFeatures = ['partialIndexes', 'postgresqlExtensions'];

function featuresOf(blocks: readonly Block[]): string[] {
  const named = blocks
    .filter(({ kind }) => kind === 'generator')
    .map(({ body }) => /\bpreviewFeatures\s*=\s*\[([^\]]*)\]/.exec(body)?.[1] ?? '');
  return grammarFeatures.filter((feature) => named.some((list) => list.includes(`"${feature}"`)));
}

/** `[citext, uuidOssp(map: "uuid-ossp", schema: "extensions")]` in the names of the database. */
function extensionNames(list: string): string[] {
  return [...list.matchAll(/(\w+)\s*(?:\(([^)]*)\))?/g)].map(
    ([, name = '', options = '']) => /\bmap\s*:\s*"([^"]*)"/.exec(options)?.[1] ?? name,
  );
}

interface Datasource {
  name: string;
  lists: Record<string, string>;
  relationMode: string | null;
  addressVariable: string | null;
}

const providers: Readonly<Record<string, string>> = {
  mysql: 'MySQL',
  sqlite: 'SQLite',
  sqlserver: 'SQL Server',
  mongodb: 'MongoDB',
  cockroachdb: 'CockroachDB',
};

function datasourceOf(blocks: readonly Located[]): Datasource {
  const [source, second] = blocks.filter(({ kind }) => kind === 'datasource');
  if (!source)
    throw schemaError(
      'The schema has no datasource: add datasource db { provider = "postgresql" }.',
    );
  if (second)
    throw schemaError(
      `The schema has two datasources, in ${source.file} and ${second.file}: keep one.`,
    );
  const provider = setting(source, 'provider');
  if (!provider) throw schemaError(withoutProvider(source));
  if (provider !== 'postgresql' && provider !== 'postgres') {
    throw schemaError(
      `The schema is for ${providers[provider] ?? provider}, and Bulkhead works with PostgreSQL only.`,
    );
  }
  const lists: Record<string, string> = {};
  for (const [, name = '', list = ''] of source.body.matchAll(
    /(?:^|\n)\s*(schemas|extensions)\s*=\s*(\[[^\]]*\])/g,
  ))
    lists[name] = list;
  return {
    name: source.name,
    lists,
    // Prisma 3 called it so.
    relationMode: setting(source, 'relationMode') ?? setting(source, 'referentialIntegrity'),
    addressVariable: /(?:^|\n)\s*url\s*=\s*env\(\s*["']([^"']+)["']/.exec(source.body)?.[1] ?? null,
  };
}

function withoutProvider({ body, file }: Located): string {
  const given = /(?:^|\n)\s*provider\s*=\s*(\S[^\n]*)/.exec(body)?.[1]?.trim();
  if (!given) return `The datasource in ${file} names no provider: add provider = "postgresql".`;
  const one = 'write provider = "postgresql", or give Bulkhead a copy of the schema that does';
  if (given.startsWith('['))
    return `The datasource in ${file} names several providers, ${given}, and Prisma takes one: ${one}.`;
  return `The datasource in ${file} has its provider from elsewhere, ${given}, and Prisma takes a text only: ${one}.`;
}

function setting({ body }: Block, name: string): string | null {
  return new RegExp(`(?:^|\\n)\\s*${name}\\s*=\\s*(["'])([^"'\\n]*)\\1`).exec(body)?.[2] ?? null;
}

function ownBlocks({ name, lists, relationMode }: Datasource, given: readonly string[]): string {
  const features = [
    ...new Set(['views', ...(lists.extensions ? ['postgresqlExtensions'] : []), ...given]),
  ];
  return `generator bulkhead_client {
  provider               = "prisma-client"
  output                 = "../client"
  importFileExtension    = "ts"
  generatedFileExtension = "ts"
  previewFeatures        = ${JSON.stringify(features)}
}

generator bulkhead_metadata {
  provider = "node ./${relative(ourFile(), ourModule('metadata/generator')).replaceAll(sep, '/')}"
  output   = "../metadata"
}

datasource ${name} {
  provider = "postgresql"
${Object.entries(lists)
  .map(([key, list]) => `  ${key} = ${withoutVersions(list)}\n`)
  .join('')}${relationMode ? `  relationMode = ${JSON.stringify(relationMode)}\n` : ''}}
`;
}

// Which version is there is the server's business.
function withoutVersions(list: string): string {
  return list
    .replace(/\bversion\s*:\s*"[^"]*"\s*,?\s*/g, '')
    .replace(/,?\s*\)/g, ')')
    .replace(/\(\)/g, '');
}

function copyOf(text: string, alter: (block: Block, own: string) => string): string {
  let copy = text;
  for (const block of blocksOf(text).reverse()) {
    const own = copy.slice(block.start, block.end);
    const isReplaced = block.kind === 'generator' || block.kind === 'datasource';
    copy = `${copy.slice(0, block.start)}${isReplaced ? own.replace(/[^\n]/g, '') : alter(block, own)}${copy.slice(block.end)}`;
  }
  return copy;
}

// Prisma ignores a table that nothing unique addresses; as a view it can at least be looked at.
function isWithoutUnique(block: Block): boolean {
  return (
    block.kind === 'model' &&
    /(^|\n)\s*@@ignore\b/.test(block.body) &&
    !/@@?(id|unique)\b/.test(block.body)
  );
}

function asView(own: string): string {
  return withoutUnsupported(
    withoutIndexes(own.replace(/^(\s*)model\b/, '$1view').replace(/@@ignore\b/, '')),
  );
}

// Prisma's client cannot read what has such a column and no key.
function withoutUnsupported(own: string): string {
  return own.replace(/^[ \t]*\w+[ \t]+Unsupported\("[^\n]*$/gm, '');
}

/** Until Prisma 6 a view could have an id and indexes. */
function viewOf({ kind }: Block, own: string): string {
  if (kind !== 'view') return own;
  const view = withoutIndexes(
    own.replace(/(@@?)id\b(?!\s*\()/g, '$1unique').replace(/(@@?)id\s*\(/g, '$1unique('),
  );
  return /@@?unique\b/.test(view) ? view : withoutUnsupported(view);
}

function withoutIndexes(own: string): string {
  return own.replace(/^([ \t]*)@@(?:index|fulltext)\b[^\n]*/gm, '$1');
}

// Prisma's client takes a field of these names for the words of a `where`.
function renamed({ kind }: Block, own: string): string {
  if (kind !== 'model' && kind !== 'view') return own;
  const lines = own.split('\n').map((line) => {
    const [, word] = /^\s*(AND|OR|NOT)\s/.exec(line) ?? [];
    const name = line.replace(
      /("(?:[^"\\]|\\.)*"|\/\/.*)|(?<![\w".@])(AND|OR|NOT)(?![\w"])/g,
      (text, kept, found) => (kept ? text : `${found}_`),
    );
    if (!word || /@map\(/.test(line)) return name;
    return name.replace(/^(\s*\w+\s+[^\s@/]+)/, `$1 @map("${word}")`);
  });
  return lines.join('\n');
}
