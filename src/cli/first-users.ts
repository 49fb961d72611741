import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addUser } from '../auth/change-users.ts';
import { createFirstAdminLink } from '../auth/first-admin.ts';
import { systemPrincipal } from '../auth/system-principal.ts';
import { hasUsers } from '../auth/users.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import { transaction } from '../db/transaction.ts';
import type { TaskContext } from '../tasks/context.ts';

interface SampleUser {
  role: string;
  email: string;
  password: string;
}

/** sample: to be printed; link: creates the first admin once; none: there are users already. */
export type SignIns =
  | { kind: 'sample'; users: SampleUser[] }
  | { kind: 'link'; link: string }
  | { kind: 'none' };

const firstUsersLock = 0x42_4c_4b_09;

const loopback = ['127.0.0.1', 'localhost', '::1'];

/**
 * A link that works once and creates the first admin; while there are no people, each start prints
 * a new one. On the embedded database alone, and on loopback: one user per role with a random
 * password, kept in the project's folder for its owner alone and printed at each start.
 */
export async function ensureFirstUsers(
  { db, people }: Pick<TaskContext, 'db' | 'people'>,
  config: Config,
  address: string,
  isEmbedded: boolean,
): Promise<SignIns> {
  if (!people.isOurs) return { kind: 'none' };
  const isSample = isEmbedded && loopback.includes(config.HOST);
  // Of several started at once, the first makes them and the others find them.
  return transaction(db.pages, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [firstUsersLock]);
    return findOrMake(db, config, address, isSample);
  });
}

async function findOrMake(
  db: Database,
  config: Config,
  address: string,
  isSample: boolean,
): Promise<SignIns> {
  const path = join(resolve(config.BULKHEAD_FOLDER), 'sample-users.json');
  const kept = isSample ? await readUsers(path) : null;
  if (await hasUsers(db)) return kept ? { kind: 'sample', users: kept } : { kind: 'none' };
  if (!isSample)
    return { kind: 'link', link: `${address}/first-admin?token=${await createFirstAdminLink(db)}` };
  // Another database of the same folder: its people have the same passwords, since one file says
  // them.
  const users =
    kept ??
    ['admin', 'editor', 'viewer'].map((role) => ({
      role,
      email: `${role}@example.com`,
      password: randomBytes(12).toString('base64url'),
    }));
  await mkdir(resolve(config.BULKHEAD_FOLDER), { recursive: true });
  await writeFile(path, `${JSON.stringify(users, null, 2)}\n`, { mode: 0o600 });
  const act = { db, by: systemPrincipal('start') };
  for (const { role, email, password } of users) {
    await addUser(act, { email, name: `Sample ${role}`, password, roles: [role] });
  }
  return { kind: 'sample', users };
}

async function readUsers(path: string): Promise<SampleUser[] | null> {
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as SampleUser[],
    () => null,
  );
}
