import { createHash, randomBytes } from 'node:crypto';
import { writeEntry } from '../audit/entry.ts';
import type { Database } from '../db/database.ts';
import { transaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import type { Principal } from './principal.ts';
import { createUser, hasUsers, type NewUser } from './users.ts';

const purpose = 'first-admin';
const hoursValid = 24;

/**
 * Makes the token of a link that creates the first admin, for an installation without users. Older
 * links end.
 */
export async function createFirstAdminLink(db: Database): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await transaction(db.pages, async (client) => {
    await client.query(`delete from ${db.t.one_time_link} where purpose = $1 and used_at is null`, [
      purpose,
    ]);
    await client.query(
      `insert into ${db.t.one_time_link} (token_hash, purpose, expires_at) values ($1, $2, now() + make_interval(hours => $3))`,
      [hashOf(token), purpose, hoursValid],
    );
  });
  return token;
}

export async function isFirstAdminToken(db: Database, token: string): Promise<boolean> {
  const { rowCount } = await db.pages.query(
    `select 1 from ${db.t.one_time_link} where token_hash = $1 and purpose = $2 and used_at is null and expires_at > now()
       and not exists (select 1 from ${db.t.user})`,
    [hashOf(token), purpose],
  );
  return rowCount === 1;
}

/**
 * Uses the link up and creates the admin, or neither. Throws AppError 404 `link-used` where it is
 * not, or no longer, good.
 */
export async function createFirstAdmin(
  db: Database,
  token: string,
  user: Omit<NewUser, 'roles'>,
): Promise<Principal> {
  return transaction(db.pages, async (client) => {
    const { rowCount } = await client.query(
      `update ${db.t.one_time_link} set used_at = now()
       where token_hash = $1 and purpose = $2 and used_at is null and expires_at > now()`,
      [hashOf(token), purpose],
    );
    const users = { pages: client, t: db.t };
    if (rowCount !== 1 || (await hasUsers(users))) throw linkUsed();
    const admin = await createUser(users, { ...user, roles: ['admin'] });
    await writeEntry(client, db, {
      act: 'first-admin-created',
      by: admin,
      details: { email: admin.email },
    });
    return admin;
  });
}

export function linkUsed(): AppError {
  return new AppError(
    'link-used',
    404,
    'This link has been used or is too old. Sign in, or start Bulkhead again for a new one.',
  );
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
