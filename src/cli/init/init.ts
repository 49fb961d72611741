import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { commandLine } from '../../command-line.ts';
import type { Config } from '../../config.ts';
import type { AppError } from '../../errors.ts';
import { findProject, foldersAbove, readPackage } from '../project/find-project.ts';
import { findSchema } from '../project/find-schema.ts';
import { nameOf } from '../project/load-failure.ts';
import { prepareSchema } from '../schema/prepare-schema.ts';
import { readSchema, type UserSchema } from '../schema/read-schema.ts';
import { schemaError } from '../schema/schema-error.ts';
import { clientOf, generatorText, type OwnGenerator, ownGeneratorOf } from './generators.ts';
import { assertAdapters, type InstalledPrisma, installedPrisma } from './installed-prisma.ts';
import { replaceText } from './replace-text.ts';

/** Of the definition that is written. */
const configFile = 'bulkhead.config.ts';

export interface InitValues {
  schema?: string | undefined;
  'dry-run'?: boolean | undefined;
}

/**
 * Writes `bulkhead.config.ts` and adds our generator to the project's schema, says what it did, and
 * what is typed next; gives its lines. What is there already stays as it is.
 */
export async function init(
  { schema: given, 'dry-run': isDry = false }: InitValues,
  config: Config,
): Promise<string[]> {
  const folder = process.cwd();
  const found = given === undefined ? await findSchema(folder) : { path: given, by: '--schema' };
  if (found === null) throw noSchema(folder);
  const schema = await readSchema(found.path);
  // Refuses what no admin can be made of.
  const { addressVariable } = prepareSchema(schema.files, 'public');
  const prisma = installedPrisma(folder);
  const client = clientOf(schema);
  const own = ownGeneratorOf(schema, client);
  assertAdapters(prisma, client);

  const said: string[] = [];
  const say = (text: string) => {
    said.push(text);
    console.log(text);
  };
  const files = schema.files.length === 1 ? '' : `, ${schema.files.length} files`;
  say(`The schema is ${nameOf(schema.path)}${files} (${found.by}).`);
  const changes = [
    await addGenerator(own, isDry),
    await writeConfig({ folder, schema, client: client.module, own, isDry }),
  ];
  for (const { text } of changes) say(text);
  if (changes.every(({ isDone }) => !isDone)) say('All is there: nothing was changed.');
  else if (isDry) say('Nothing was written: that was --dry-run.');
  for (const line of next({ config, addressVariable, prisma })) say(line);
  return said;
}

interface Change {
  readonly text: string;
  readonly isDone: boolean;
}

async function addGenerator(own: OwnGenerator, isDry: boolean): Promise<Change> {
  const place = nameOf(own.file);
  if (own.isThere) return { text: `${place} has a generator of ours already.`, isDone: false };
  const text = await readFile(own.file, 'utf8');
  if (!isDry) await replaceText(own.file, generatorText(text, own));
  const what = `generator ${own.name} to ${place}; it writes ${nameOf(join(own.folder, 'metadata.ts'))}`;
  return { text: `${isDry ? 'Would add' : 'Added'} ${what}.`, isDone: true };
}

interface Parts {
  folder: string;
  schema: UserSchema;
  /** What the client is imported from: a path, or a package. */
  client: string;
  own: OwnGenerator;
  isDry: boolean;
}

async function writeConfig({ folder, schema, client, own, isDry }: Parts): Promise<Change> {
  const { config } = findProject(folder);
  if (config !== null) return { text: `${nameOf(config)} is there already.`, isDone: false };
  const ending = endingOf(folder);
  const from = (module: string) =>
    isAbsolute(module)
      ? `./${relative(folder, module).replaceAll('\\', '/')}${ending}`.replace('./..', '..')
      : module;
  const text = [
    "import { defineAdmin, defineEveryResource } from 'bulkhead';",
    `import { metadata } from '${from(join(own.folder, 'metadata'))}';`,
    `import { PrismaClient } from '${from(client)}';`,
    '',
    'export default defineAdmin({',
    `  name: ${quoted(schema.name)},`,
    '  createClient: ({ adapter }) => new PrismaClient({ adapter }),',
    '  // Every model has its pages. Say more of one in a list behind the metadata:',
    "  // defineResource(metadata, 'Invoice', { columns: ['number', 'state'], search: ['number'] })",
    '  resources: defineEveryResource(metadata),',
    '});',
    '',
  ].join('\n');
  // Somebody else may have written it in between.
  if (!isDry) await writeFile(join(folder, configFile), text, { flag: 'wx' });
  return { text: `${isDry ? 'Would write' : 'Wrote'} ${configFile}.`, isDone: true };
}

function quoted(name: string): string {
  return `'${name.replace(/[\\']/g, '\\$&')}'`;
}

/** As the project's compiler wants imports to end; commands take any. */
function endingOf(folder: string): string {
  const file = foldersAbove(folder)
    .map((one) => join(one, 'tsconfig.json'))
    .find((one) => existsSync(one));
  if (!file) return '.ts';
  return /"(allowImportingTs|rewriteRelativeImport)Extensions"\s*:\s*true/.test(
    readFileSync(file, 'utf8'),
  )
    ? '.ts'
    : '.js';
}

function noSchema(folder: string): AppError {
  const isProject = readPackage(folder) !== null;
  return schemaError(
    isProject
      ? `There is no Prisma schema in ${folder}: neither prisma.config.ts nor package.json names one, and prisma/schema.prisma is not there. Name it with --schema PATH; npx prisma db pull makes one of a database.`
      : `There is no package.json in ${folder} or above it: go to the project's folder.`,
  );
}

interface Surroundings {
  config: Config;
  addressVariable: string | null;
  prisma: InstalledPrisma;
}

/** What is typed next, in its order. */
function next({ config, addressVariable: variable, prisma }: Surroundings): string[] {
  const isOther = variable !== null && variable !== 'DATABASE_URL';
  const lines = [
    ...prisma.missing.map((line) => `  ${line}`),
    '  npx prisma generate',
    `  ${commandLine('check')}`,
    `  ${commandLine('start')}`,
  ];
  if (config.DATABASE_URL)
    lines.push('The database is that of DATABASE_URL, as the environment or .env says it.');
  else if (isOther)
    lines.push(
      `The schema's address is in ${variable}, and Bulkhead reads DATABASE_URL: write it into .env too, or an embedded PostgreSQL is started.`,
    );
  else
    lines.push(
      'DATABASE_URL is not set: an embedded PostgreSQL is started, until .env or the environment says it.',
    );
  return ['Next:', ...lines];
}
