import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AdminDefinition } from '../../admin-definition.ts';
import { queueSchemaOf } from '../../build-context.ts';
import { commandLine } from '../../command-line.ts';
import type { Config } from '../../config.ts';
import { hostUrls, readAddress } from '../../database-address.ts';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import { AppError } from '../../errors.ts';
import { blocksOf, textAttribute } from '../../metadata/schema-text.ts';
import { labelOf } from '../../resources/guesses.ts';
import { directUrl } from '../connection.ts';
import { generateSchema } from '../schema/generate-schema.ts';
import { type Generated, loadAdmin } from '../schema/load-admin.ts';
import { prepareSchema } from '../schema/prepare-schema.ts';
import { foundDifferences } from './found-differences.ts';
import { pullSchema } from './pull-schema.ts';
import { quotedNames } from './quoted-names.ts';
import { type Catalog, type FoundTable, readCatalog } from './read-catalog.ts';

/** A database that was read, and what was made of it. */
export interface FoundDatabase {
  readonly catalog: Catalog;
  /** Its Prisma schema, and the text of its one file. */
  readonly files: SchemaFiles;
  readonly text: string;
  readonly generated: Generated;
}

/** Reads the database of DATABASE_URL, and has its client and metadata made where they are not yet. */
export async function openFound(
  config: Config,
  say: (text: string) => void,
): Promise<FoundDatabase> {
  const { catalog, files } = await pullFound(config);
  const [[, text = ''] = []] = files;
  const prepared = prepareSchema(files, 'public');
  const folder = resolve(config.BULKHEAD_FOLDER);
  const generated = await generateSchema(prepared, join(folder, 'schemas'), () =>
    say(`Generating pages for the database ${catalog.database} …`),
  );
  return { catalog, files, text, generated };
}

/** The admin of what was found; says what that is and what has changed since the last start. */
export async function foundAdmin(
  config: Config,
  say: (text: string) => void,
): Promise<AdminDefinition> {
  const { catalog, text, generated } = await openFound(config, say);
  const host = hostsOf(directUrl(config));
  say(`Database: ${catalog.database} at ${host}, read as it is: ${countsOf(catalog, text)}.`);
  for (const line of notesOf(catalog, text)) say(line);
  const difference = await keepFound(config, text);
  if (difference) say(difference);
  return loadAdmin(labelOf(catalog.database.replaceAll('-', '_')) || 'Admin', generated, true);
}

/** What `bulkhead generate` puts where a project's own code imports it. */
export async function keptFound(
  config: Config,
  say: (text: string) => void,
): Promise<{ files: SchemaFiles; generated: Generated; head: string }> {
  const { files, generated } = await openFound(config, say);
  const copy = `\`\${import.meta.dirname}/../schema\``;
  return { files, generated, head: `source: { path: ${copy}, copy: ${copy} },\n isFound: true,` };
}

/** Says in a line what has changed in a database since its metadata was generated. */
export async function tellOfFound(config: Config, kept: SchemaFiles): Promise<void> {
  if (config.DATABASE_URL === undefined) return;
  const { files } = await pullFound(config);
  const differences = foundDifferences(kept[0]?.[1] ?? '', files[0]?.[1] ?? '');
  if (differences.length > 0)
    console.log(
      `The database has changed since its client was generated (${firstOf(differences)}): ${commandLine('generate', '--database URL')}`,
    );
}

async function pullFound(config: Config): Promise<{ catalog: Catalog; files: SchemaFiles }> {
  const connectionString = directUrl(config);
  const schema = schemaParameter(connectionString) ?? schemaParameter(config.DATABASE_URL ?? '');
  const own = [config.BULKHEAD_DATABASE_SCHEMA, queueSchemaOf(config)];
  const catalog = await readCatalog(connectionString, own, schema);
  assertReadable(catalog, schema);
  return { catalog, files: await pullSchema(connectionString, catalog) };
}

function schemaParameter(connectionString: string): string | null {
  const [first = ''] = hostUrls(connectionString);
  return URL.canParse(first) ? new URL(first).searchParams.get('schema') || null : null;
}

function hostsOf(connectionString: string): string {
  return readAddress(connectionString)
    .hosts.map(({ name }) => name)
    .join(', ');
}

function assertReadable({ database, role, tables }: Catalog, schema: string | null): void {
  const where =
    schema === null
      ? `The database ${database}`
      : `The Postgres schema ${schema} of the database ${database}`;
  if (tables.length === 0)
    throw new AppError(
      'unusable-database',
      500,
      `${where} has no tables and no views: make some, or name another database.`,
    );
  if (!tables.some(({ isReadable, columns }) => isReadable && columns.length > 0))
    throw new AppError(
      'unusable-database',
      500,
      `${where} has ${tables.length === 1 ? 'a table' : `${tables.length} tables`}, and the role ${role} may read none of them: let it (GRANT USAGE ON SCHEMA …, GRANT SELECT ON ALL TABLES IN SCHEMA …).`,
    );
}

/** Tables and views that the schema has, by `schema.name`. */
function shownIn(text: string): ReadonlySet<string> {
  const blocks = blocksOf(text).filter(({ kind }) => kind === 'model' || kind === 'view');
  return new Set(
    blocks.map(
      (block) =>
        `${textAttribute(block, '@@schema')}.${textAttribute(block, '@@map') ?? block.name}`,
    ),
  );
}

function countsOf({ tables }: Catalog, text: string): string {
  const shown = shownIn(text);
  const readable = tables.filter(({ schema, name }) => shown.has(`${schema}.${name}`));
  const counts = (['table', 'view', 'materialized view', 'foreign table'] as const).flatMap(
    (wanted) => {
      const count = readable.filter(({ kind }) => kind === wanted).length;
      return count === 0 ? [] : [`${count} ${wanted}${count === 1 ? '' : 's'}`];
    },
  );
  return counts.join(', ').replace(/, ([^,]*)$/, ' and $1');
}

function notesOf(catalog: Catalog, text: string): string[] {
  const { tables, role } = catalog;
  const shown = shownIn(text);
  const marked = quotedNames(catalog);
  const placesOf = (some: readonly FoundTable[]) =>
    some.map(({ schema, name }) => `${schema}.${name}`);
  const hidden = placesOf(tables.filter(({ isReadable }) => !isReadable));
  const empty = placesOf(tables.filter(({ isReadable }) => isReadable)).filter(
    (place) => !shown.has(place) && !marked.some((one) => one.startsWith(place)),
  );
  const pronoun = ({ length }: readonly string[]) => (length === 1 ? 'it' : 'them');
  return [
    ...(hidden.length === 0
      ? []
      : [`The role ${role} may not read ${firstOf(hidden)}: no pages for ${pronoun(hidden)}.`]),
    ...(empty.length === 0
      ? []
      : [`No column of ${firstOf(empty)} can be shown: no pages for ${pronoun(empty)}.`]),
    ...(marked.length === 0
      ? []
      : [
          `Prisma cannot name what has a quotation mark in its name, and it is left alone: ${firstOf(marked)}.`,
        ]),
  ];
}

/** A few, and how many more there are. */
function firstOf(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).join(', ');
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}

/** Keeps what was found for the next start; returns what has changed since the last one. */
async function keepFound(config: Config, text: string): Promise<string | null> {
  const address = config.DATABASE_URL ?? directUrl(config);
  const host = hostsOf(address);
  const { pathname, search } = new URL(hostUrls(address)[0] ?? '');
  const digest = createHash('sha256')
    .update(`${host}${pathname}${search}`)
    .digest('hex')
    .slice(0, 16);
  const file = join(resolve(config.BULKHEAD_FOLDER), 'databases', `${digest}.prisma`);
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === text) return null;
  await mkdir(dirname(file), { recursive: true });
  // Several processes may start at once.
  const making = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(making, text);
  await rename(making, file);
  const differences = before === null ? [] : foundDifferences(before, text);
  return differences.length === 0 ? null : `Since the last start: ${firstOf(differences)}.`;
}
