import type { AskedPeople } from './people.ts';
import type { Principal } from './principal.ts';
import { personOf } from './system-principal.ts';
import type { Users } from './users.ts';

type Row = Principal & { email: string };

/** The rows of our own table of users, who sign in on our own page. */
export function ourPeople({ pages, t }: Users): AskedPeople {
  const select = `select id::text, name, email, roles from ${t.user} where deactivated_at is null`;
  return {
    isOurs: true,
    // The session was read with its user.
    getUser: async (request) => personOf(request.session?.user ?? null),
    async findUser(id, launched) {
      const { rows } = await pages.query<Row>(`${select} and id::text = $1`, [id]);
      return rows[0] ? { ...launched, ...rows[0] } : null;
    },
    async usersWithRole(role) {
      return (await pages.query<Row>(`${select} and $1 = any(roles) order by name, id`, [role]))
        .rows;
    },
  };
}
