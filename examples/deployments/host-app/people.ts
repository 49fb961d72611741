import type { People, Principal } from 'bulkhead';

const staff = new Map<string, Principal>([
  ['ada', { id: 'ada', name: 'Ada', roles: ['admin'] }],
  ['eve', { id: 'eve', name: 'Eve', roles: ['viewer'] }],
]);

/** The proxy in front signs people in, and takes this header from everybody else. */
export const people: People = {
  getUser: ({ headers }) => staff.get(String(headers['x-remote-user'])) ?? null,
  refreshUser: (id) => staff.get(id) ?? null,
};
