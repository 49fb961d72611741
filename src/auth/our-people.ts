import type { AskedPeople } from './people.ts';
import type { Principal } from './principal.ts';
import { personOf } from './system-principal.ts';
import type { Users } from './users.ts';

type UserRow = Principal & { email: string };

/** The session was read with its user. */
interface OfSession {
  session?: { user?: Principal | null };
}

/** The rows of our own table of users, who sign in on our own page. */
export function ourPeople({ pages, t }: Users): AskedPeople {
  const select = `select id::text, name, email, roles, claims from ${t.user} where deactivated_at is null`;
  return {
    isOurs: true,
    getUser: async (request) => personOf((request as OfSession).session?.user ?? null),
    async findUser(id, launched) {
      const { rows } = await pages.query<UserRow>(`${select} and id::text = $1`, [id]);
      return rows[0] ? { ...launched, ...rows[0] } : null;
    },
    async usersWithRole(role) {
      return (await pages.query<UserRow>(`${select} and $1 = any(roles) order by name, id`, [role]))
        .rows;
    },
  };
}
