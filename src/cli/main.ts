import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { checkNames } from '../health/finding.ts';
import { didYouMean } from '../nearest.ts';
import { isPackage, ourFile } from '../our-files.ts';
import { adminOptions, readArguments } from './arguments.ts';
import { verifyOf } from './audit.ts';
import { check } from './check.ts';
import { keptFound } from './database/open-found.ts';
import { doctor, notLooked } from './doctor.ts';
import { indexes } from './indexes.ts';
import { init } from './init/init.ts';
import { migrateOnly } from './migrate-only.ts';
import { openSchema } from './open-admin.ts';
import { typedPath } from './project/typed-path.ts';
import { linkPackages } from './schema/link-packages.ts';
import { runCommand } from './sentence.ts';
import { isUserCommand, userCommands, userUsage } from './users.ts';

const ownOutput = 'generated/own';

const commandNames = [
  ...[
    'start',
    'serve',
    'work',
    'audit verify',
    'init',
    'check',
    'doctor',
    'generate',
    'indexes',
    'migrate',
  ],
  ...Object.keys(userCommands),
];

const usage = [
  'Usage:',
  ...['start', 'serve', 'work'].map((command) => `  ${commandLine(command, '--help')}`),
  ...userUsage,
  `  ${commandLine('init', '[--schema PATH] [--dry-run]')}`,
  `  ${commandLine('check', '[--json] [--admin PATH | --schema PATH]')}`,
  `  ${commandLine('doctor', `[--check ${checkNames.join('|')}] [--json]`)}`,
  `  ${commandLine('audit verify', '[--head HASH]')}`,
  `  ${commandLine('migrate', '[--check | --sql]')}`,
  `  ${commandLine('generate', `--schema PATH | --database URL [--output ${ownOutput}]`)}`,
  `  ${commandLine('indexes', '[--create] [--admin PATH | --schema PATH]')}`,
  `  ${commandLine('start', '--database URL')}    as every command takes it, in place of DATABASE_URL`,
].join('\n');

const isDoctor = process.argv[2] === 'doctor';

/** Commands for whoever runs an installation. */
await runCommand(
  async () => {
    const { positionals, values, config } = readArguments(
      usage,
      {
        email: { type: 'string' },
        name: { type: 'string' },
        role: { type: 'string' },
        password: { type: 'string' },
        claims: { type: 'string' },
        json: { type: 'boolean' },
        output: { type: 'string', default: ownOutput },
        create: { type: 'boolean' },
        check: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        sql: { type: 'boolean' },
        head: { type: 'string' },
        ...adminOptions,
      },
      true,
    );
    const command = isDoctor ? 'doctor' : positionals.join(' ');
    if (isUserCommand(command)) return userCommands[command](values, config);
    switch (command) {
      case 'audit verify':
        return verifyOf(values, config);
      case 'doctor':
        return doctor(values, config, checkOf(values.check, positionals));
      case 'init':
        return init(values, config);
      case 'check':
        return check(values, config);
      case 'generate':
        return generateOwn(values, config);
      case 'indexes':
        return indexes(values, config);
      case 'migrate':
        return migrateOnly(values, config);
      case '':
        throw new AppError('usage', 500, usage);
      default:
        throw new AppError('usage', 500, noCommand(command));
    }
  },
  isDoctor ? notLooked : 1,
);

/** What stands after `--check`, which of other commands is alone. */
function checkOf(isGiven: boolean | undefined, positionals: readonly string[]): string | undefined {
  const [, name, ...more] = positionals;
  if (more.length > 0 || (isGiven === true) !== (name !== undefined))
    throw new AppError('usage', 500, `--check is one of ${checkNames.join(', ')}.`);
  return name;
}

function noCommand(command: string): string {
  return `There is no command "${command}".${didYouMean(command, commandNames)} See --help.`;
}

interface Generate {
  schema?: string;
  /** Given where there is no schema: that of this database is found. */
  database?: string;
  output?: string;
}

async function ofSchema(path: string, config: Config) {
  const { schema, generated } = await openSchema(path, config);
  const source = `{ path: ${JSON.stringify(schema.path)}, copy: \`\${import.meta.dirname}/../schema\` }`;
  return { files: schema.files, generated, head: `source: ${source},` };
}

/**
 * Prisma's client and Bulkhead's metadata where a project's own code imports them, with a copy of
 * the schema that they are of.
 */
async function generateOwn(
  { schema: path, database, output: given = '' }: Generate,
  config: Config,
): Promise<void> {
  if (!path && database === undefined)
    throw new AppError('usage', 500, '--schema PATH is missing, or --database URL. See --help.');
  const output =
    given === ownOutput ? resolve(isPackage ? process.cwd() : ourFile(), given) : typedPath(given);
  const { files, generated, head } = path
    ? await ofSchema(path, config)
    : await keptFound(config, (text) => console.log(text));
  for (const part of ['client', 'metadata', 'schema'])
    await rm(join(output, part), { recursive: true, force: true });
  for (const part of ['client', 'metadata'] as const)
    await cp(generated[part], join(output, part), { recursive: true });
  for (const [name, text] of files) {
    await mkdir(dirname(join(output, 'schema', name)), { recursive: true });
    await writeFile(join(output, 'schema', name), text);
  }
  // Whatever the project is written in: what is generated says by `import.meta` where it stands. In the
  // repository it finds us by our own name.
  if (isPackage) await writeFile(join(output, 'package.json'), '{ "type": "module" }\n');
  await linkPackages(output);
  const file = join(output, 'metadata/metadata.ts');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(/^(export const metadata: .* = \{)$/m, (_, begin: string) => `${begin}\n ${head}`),
  );
  console.log(`${relative(typedPath(), output) || output} holds the client and the metadata.`);
}
