import type { Principal } from '../auth/principal.ts';
import { type Role, roles, type Users } from '../auth/users.ts';

export const testPassword = 'correct horse battery';

/**
 * Of that password, at the least cost there is: a hash says its own, so that signing in goes the
 * product's way and takes no time. What the product's own cost is about, such as a new password, is
 * tried with `createUser` and `setPassword`.
 */
const cheapHash =
  'scrypt$1$1$1$c2FsdCBvZiB0aGUgdGVzdHM$7ogDXyJoyHVyxpfxWYIyTbe1vPPrY180g1Bdx0U1oeQ';

/** A user for each role, who signs in with `testPassword`. */
export async function insertUsers(
  { pages, t }: Users,
  personOf: (role: Role) => { email: string; name: string },
): Promise<Map<Role, Principal>> {
  const people = roles.map((role) => ({ role, ...personOf(role) }));
  const { rows } = await pages.query<Principal>(
    `insert into ${t.user} (id, email, name, password_hash, roles)
     select gen_random_uuid(), email, name, $2, array[role] from json_to_recordset($1::json) as person (role text, email text, name text)
     returning id, name, email, roles, claims`,
    [JSON.stringify(people), cheapHash],
  );
  return new Map(rows.map((principal) => [principal.roles[0] as Role, principal]));
}
