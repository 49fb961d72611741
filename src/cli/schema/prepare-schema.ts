import type { SchemaFiles } from '../../db/schema-engine.ts';
import { type Block, blocksOf } from '../../metadata/schema-text.ts';
import { schemaError } from './schema-error.ts';

/** A copy of a schema that this version of Prisma and Bulkhead's generator understand. */
export interface PreparedSchema {
  /** For the client: with generators and datasource of ours. */
  readonly files: SchemaFiles;
  /** For the tables: the same, with those that Prisma ignores. */
  readonly tables: SchemaFiles;
  /** The Postgres schemas that its tables are in. */
  readonly dbSchemas: readonly string[];
}

/** Name of the file that is added. */
const ownFile = 'bulkhead.generated.prisma';

interface Located extends Block {
  readonly file: string;
}

/**
 * Makes the copy: generators are replaced by ours, the address of the database is left out of the datasource. Lines keep their
 * numbers, so that what Prisma says about the copy is true of the original.
 *
 * @param defaultSchema Postgres schema of what names none
 */
export function prepareSchema(files: SchemaFiles, defaultSchema: string): PreparedSchema {
  const blocks = files.flatMap(([file, text]) => blocksOf(text).map((block): Located => ({ ...block, file })));
  const source = datasourceOf(blocks);
  if (!blocks.some(({ kind }) => kind === 'model' || kind === 'view')) throw schemaError('The schema has no models.');
  const dbSchemas = [...(source.lists.schemas ?? '').matchAll(/"([^"]+)"/g)].map((match) => match[1] as string);
  const copy = (isIgnoredShown: boolean): SchemaFiles => [
    ...files.map(([file, text]) => [file, copyOf(text, isIgnoredShown)] as const),
    [ownFile, ownBlocks(source)],
  ];
  return {
    files: copy(true),
    tables: copy(false),
    dbSchemas: dbSchemas.length > 0 ? dbSchemas : [defaultSchema],
  };
}

interface Datasource {
  name: string;
  lists: Record<string, string>;
  relationMode: string | null;
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
  if (!source) throw schemaError('The schema has no datasource: add datasource db { provider = "postgresql" }.');
  if (second) throw schemaError(`The schema has two datasources, in ${source.file} and ${second.file}: keep one.`);
  const provider = setting(source, 'provider');
  if (!provider) throw schemaError(`The datasource in ${source.file} names no provider: add provider = "postgresql".`);
  if (provider !== 'postgresql' && provider !== 'postgres') {
    throw schemaError(`The schema is for ${providers[provider] ?? provider}, and Bulkhead works with PostgreSQL only.`);
  }
  const lists: Record<string, string> = {};
  for (const [, name = '', list = ''] of source.body.matchAll(/(?:^|\n)\s*(schemas|extensions)\s*=\s*(\[[^\]]*\])/g)) lists[name] = list;
  return { name: source.name, lists, relationMode: setting(source, 'relationMode') };
}

function setting({ body }: Block, name: string): string | null {
  return new RegExp(`(?:^|\\n)\\s*${name}\\s*=\\s*"([^"]*)"`).exec(body)?.[1] ?? null;
}

function ownBlocks({ name, lists, relationMode }: Datasource): string {
  const features = ['views', ...(lists.extensions ? ['postgresqlExtensions'] : [])];
  return `generator bulkhead_client {
  provider               = "prisma-client"
  output                 = "../client"
  importFileExtension    = "ts"
  generatedFileExtension = "ts"
  previewFeatures        = ${JSON.stringify(features)}
}

generator bulkhead_metadata {
  provider = "node ./src/metadata/generator.ts"
  output   = "../metadata"
}

datasource ${name} {
  provider = "postgresql"
${Object.entries(lists)
  .map(([key, list]) => `  ${key} = ${list}\n`)
  .join('')}${relationMode ? `  relationMode = ${JSON.stringify(relationMode)}\n` : ''}}
`;
}

function copyOf(text: string, isIgnoredShown: boolean): string {
  let copy = text;
  for (const block of blocksOf(text).reverse()) {
    const before = copy.slice(0, block.start);
    const own = copy.slice(block.start, block.end);
    const after = copy.slice(block.end);
    if (block.kind === 'generator' || block.kind === 'datasource') copy = `${before}${own.replace(/[^\n]/g, '')}${after}`;
    else if (isIgnoredShown && isWithoutUnique(block)) copy = `${before}${asView(own)}${after}`;
  }
  return copy;
}

// Prisma ignores a table that nothing unique addresses; as a view it can at least be looked at.
function isWithoutUnique(block: Block): boolean {
  return block.kind === 'model' && /(^|\n)\s*@@ignore\b/.test(block.body) && !/@@?(id|unique)\b/.test(block.body);
}

function asView(own: string): string {
  return own.replace(/^(\s*)model\b/, '$1view').replace(/@@ignore\b/, '');
}

/** The Postgres schema that a table without one is in: Prisma's own parameter of the address, else public. */
export function defaultSchemaOf(connectionString: string | undefined): string {
  if (!connectionString) return 'public';
  const given = URL.canParse(connectionString) ? new URL(connectionString).searchParams.get('schema') : null;
  return given || 'public';
}
