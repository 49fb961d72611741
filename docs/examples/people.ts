import type { People, Principal } from '../../src/index.ts';

interface Account {
  id: number;
  fullName: string;
  groups: string[];
  tenantId: number;
  isLocked: boolean;
}

/** What of the application's own the rest asks for. */
interface Accounts {
  ofSession(cookie: string | undefined): Promise<Account | null>;
  find(id: number): Promise<Account | null>;
  inGroup(group: string): Promise<Account[]>;
}

const principalOf = ({ id, fullName, groups, tenantId }: Account): Principal => ({
  id: String(id),
  name: fullName,
  roles: groups,
  claims: { tenant: tenantId },
});

export function peopleOf(accounts: Accounts): People {
  const come = (account: Account | null) =>
    account && !account.isLocked ? principalOf(account) : null;
  return {
    getUser: async ({ headers }) => come(await accounts.ofSession(headers.cookie)),
    refreshUser: async (id) => come(await accounts.find(Number(id))),
    usersWithRole: async (role) => (await accounts.inGroup(role)).map(principalOf),
    seesTask: ({ claims }, { principal }) => principal.claims?.tenant === claims?.tenant,
  };
}
