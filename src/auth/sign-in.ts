import { hashPassword, isPassword } from './passwords.ts';
import type { Claims, Principal } from './principal.ts';
import { normalEmail, type Users } from './users.ts';

let unknownHash: Promise<string> | null = null;

/**
 * Null: no such user, a wrong password, or an inactive user. All three take the same time, so
 * nobody can tell them apart.
 */
export async function findByPassword(
  users: Users,
  email: string,
  password: string,
): Promise<Principal | null> {
  unknownHash ??= hashPassword('nobody has this password');
  const { rows } = await users.pages.query<{
    id: string;
    name: string;
    email: string;
    roles: string[];
    claims: Claims;
    hash: string;
  }>(
    `select id, name, email, roles, claims, password_hash as hash from ${users.t.user} where email = $1 and deactivated_at is null`,
    [normalEmail(email)],
  );
  const user = rows[0];
  const isRight = await isPassword(password, user?.hash ?? (await unknownHash));
  if (!user || !isRight) return null;
  const { hash: _hash, ...principal } = user;
  return principal;
}
