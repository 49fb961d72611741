import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createUser } from '../auth/users.ts';
import { parseConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { requireDatabaseUrl } from './connection.ts';
import { runCommand } from './sentence.ts';

const usage = 'Usage: npm run bulkhead -- user create --email EMAIL --name NAME --role admin|editor|viewer [--password PASSWORD]';

/** Commands for whoever runs an installation. */
await runCommand(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { email: { type: 'string' }, name: { type: 'string' }, role: { type: 'string' }, password: { type: 'string' } },
  });
  const { email, name, role } = values;
  if (positionals.join(' ') !== 'user create' || !email || !name || !role) throw new AppError('usage', 500, usage);
  if (!['admin', 'editor', 'viewer'].includes(role)) throw new AppError('usage', 500, `There is no role "${role}". ${usage}`);
  const config = parseConfig(process.env);
  const password = values.password ?? randomBytes(12).toString('base64url');
  const db = await openDatabase({ connectionString: requireDatabaseUrl(config), schema: config.BULKHEAD_DATABASE_SCHEMA });
  try {
    await createUser(db, { email, name, password, roles: [role] });
  } finally {
    await db.close();
  }
  console.log(`${email} can sign in as ${role}${values.password ? '.' : ` with the password ${password}`}`);
});
