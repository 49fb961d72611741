import { randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { createUser, type Role, setPassword } from '../auth/users.ts';
import type { Config } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { adminOptions, readArguments } from './arguments.ts';
import { verifyOf } from './audit.ts';
import { directUrl } from './connection.ts';
import { indexes } from './indexes.ts';
import { migrateAll } from './migrate-all.ts';
import { migrateOnly } from './migrate-only.ts';
import { openSchema } from './open-admin.ts';
import { runCommand } from './sentence.ts';

const root = join(import.meta.dirname, '../..');
const ownOutput = 'generated/own';

const usage = [
  'Usage:',
  '  npm run bulkhead -- user create --email EMAIL --name NAME --role admin|editor|viewer [--password PASSWORD]',
  '  npm run bulkhead -- user password --email EMAIL [--password PASSWORD]',
  '  npm run bulkhead -- audit verify [--head HASH]',
  '  npm run bulkhead -- migrate [--check]',
  '  npm run bulkhead -- generate --schema PATH [--output generated/own]',
  '  npm run bulkhead -- indexes [--create] [--schema PATH]',
].join('\n');

/** Commands for whoever runs an installation. */
await runCommand(async () => {
  const { positionals, values, config } = readArguments(
    usage,
    {
      email: { type: 'string' },
      name: { type: 'string' },
      role: { type: 'string' },
      password: { type: 'string' },
      output: { type: 'string', default: ownOutput },
      create: { type: 'boolean' },
      check: { type: 'boolean' },
      head: { type: 'string' },
      ...adminOptions,
    },
    true,
  );
  switch (positionals.join(' ')) {
    case 'user create':
      return createUserOf(values, config);
    case 'user password':
      return setPasswordOf(values, config);
    case 'audit verify':
      return verifyOf(values, config);
    case 'generate':
      return generateOwn(values, config);
    case 'indexes':
      return indexes(values, config);
    case 'migrate':
      return migrateOnly(values, config);
    default:
      throw new AppError('usage', 500, usage);
  }
});

type Values = Partial<Record<'email' | 'name' | 'role' | 'password' | 'schema' | 'output', string>>;

async function createUserOf(
  { email, name, role, password: given }: Values,
  config: Config,
): Promise<void> {
  if (!email || !name || !role) throw new AppError('usage', 500, usage);
  if (!['admin', 'editor', 'viewer'].includes(role))
    throw new AppError('usage', 500, `There is no role "${role}". ${usage}`);
  const password = given ?? randomBytes(12).toString('base64url');
  const connectionString = directUrl(config);
  // There may have been no start yet, and people are in tables of ours.
  await migrateAll(connectionString, config, {});
  const db = await openDatabase({ connectionString, schema: config.BULKHEAD_DATABASE_SCHEMA });
  try {
    await createUser(db, { email, name, password, roles: [role as Role] });
  } finally {
    await db.close();
  }
  console.log(`${email} can sign in as ${role}${given ? '.' : ` with the password ${password}`}`);
}

/** Whoever is signed in with the old one is signed out. */
async function setPasswordOf({ email, password: given }: Values, config: Config): Promise<void> {
  if (!email) throw new AppError('usage', 500, usage);
  const password = given ?? randomBytes(12).toString('base64url');
  const db = await openDatabase({
    connectionString: directUrl(config),
    schema: config.BULKHEAD_DATABASE_SCHEMA,
  });
  try {
    if (!(await setPassword(db, email, password)))
      throw new AppError('no-user', 500, `There is no user ${email}.`);
  } finally {
    await db.close();
  }
  console.log(
    `${email} signs in with ${given ? 'the new password' : `the password ${password}`}; sessions of before have ended.`,
  );
}

/**
 * Prisma's client and Bulkhead's metadata where a project's own code imports them, with a copy of
 * the schema that they are of.
 */
async function generateOwn(
  { schema: path, output: given = '' }: Values,
  config: Config,
): Promise<void> {
  if (!path) throw new AppError('usage', 500, usage);
  const output =
    given === ownOutput
      ? resolve(root, given)
      : resolve(process.env.INIT_CWD ?? process.cwd(), given);
  const { schema, generated } = await openSchema(path, config);
  for (const part of ['client', 'metadata', 'schema'])
    await rm(join(output, part), { recursive: true, force: true });
  for (const part of ['client', 'metadata'] as const)
    await cp(generated[part], join(output, part), { recursive: true });
  for (const [name, text] of schema.files) {
    await mkdir(dirname(join(output, 'schema', name)), { recursive: true });
    await writeFile(join(output, 'schema', name), text);
  }
  const file = join(output, 'metadata/metadata.ts');
  const source = `{ path: ${JSON.stringify(schema.path)}, copy: \`\${import.meta.dirname}/../schema\` }`;
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(
      'export const metadata = {',
      () => `export const metadata = {\n source: ${source},`,
    ),
  );
  console.log(
    `${relative(process.env.INIT_CWD ?? process.cwd(), output) || output} holds the client and the metadata.`,
  );
}
