import { randomBytes } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createUser, type Role } from '../auth/users.ts';
import { type Config, parseConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { directUrl } from './connection.ts';
import { indexes } from './indexes.ts';
import { openSchema } from './open-admin.ts';
import { runCommand } from './sentence.ts';

const usage = [
  'Usage:',
  '  npm run bulkhead -- user create --email EMAIL --name NAME --role admin|editor|viewer [--password PASSWORD]',
  '  npm run bulkhead -- generate --schema PATH [--output generated/own]',
  '  npm run bulkhead -- indexes [--create] [--schema PATH]',
].join('\n');

/** Commands for whoever runs an installation. */
await runCommand(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      email: { type: 'string' },
      name: { type: 'string' },
      role: { type: 'string' },
      password: { type: 'string' },
      schema: { type: 'string' },
      output: { type: 'string', default: 'generated/own' },
      create: { type: 'boolean' },
    },
  });
  const config = parseConfig(process.env);
  switch (positionals.join(' ')) {
    case 'user create':
      return createUserOf(values, config);
    case 'generate':
      return generateOwn(values, config);
    case 'indexes':
      return indexes(values, config);
    default:
      throw new AppError('usage', 500, usage);
  }
});

type Values = Partial<Record<'email' | 'name' | 'role' | 'password' | 'schema' | 'output', string>>;

async function createUserOf({ email, name, role, password: given }: Values, config: Config): Promise<void> {
  if (!email || !name || !role) throw new AppError('usage', 500, usage);
  if (!['admin', 'editor', 'viewer'].includes(role)) throw new AppError('usage', 500, `There is no role "${role}". ${usage}`);
  const password = given ?? randomBytes(12).toString('base64url');
  const db = await openDatabase({ connectionString: directUrl(config), schema: config.BULKHEAD_DATABASE_SCHEMA });
  try {
    await createUser(db, { email, name, password, roles: [role as Role] });
  } finally {
    await db.close();
  }
  console.log(`${email} can sign in as ${role}${given ? '.' : ` with the password ${password}`}`);
}

/** Prisma's client and Bulkhead's metadata where a project's own code imports them. */
async function generateOwn({ schema, output = '' }: Values, config: Config): Promise<void> {
  if (!schema) throw new AppError('usage', 500, usage);
  const { generated } = await openSchema(schema, config);
  for (const part of ['client', 'metadata'] as const) {
    await rm(join(output, part), { recursive: true, force: true });
    await cp(generated[part], join(output, part), { recursive: true });
  }
  console.log(`${output} holds the client and the metadata.`);
}
