import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource, type Principal } from '../../src/index.ts';

const isEditor = ({ roles }: Principal) => roles.includes('editor') || roles.includes('admin');
const isAdmin = ({ roles }: Principal) => roles.includes('admin');

export const cities = defineResource(metadata, 'City', {
  // Whoever is granted nothing does not know that there are cities.
  permissions: (principal) => {
    if (isAdmin(principal))
      return ['list', 'create', 'update', 'delete', 'bulk-update', 'bulk-delete'];
    return isEditor(principal) ? ['list', 'create', 'update', 'bulk-update'] : ['list'];
  },
  // Rows: administrators see every city, everybody else those of their own country that are not
  // archived.
  scope: (principal) =>
    isAdmin(principal)
      ? {}
      : {
          countryCode: { in: principal.claims?.countries as string[] },
          status: { not: 'archived' },
        },
  fields: {
    // On no page, in no filter, sort, search, picker, message or history of who is no editor.
    notes: { see: isEditor },
    // Shown to everybody, changed by administrators.
    featured: { change: isAdmin },
  },
});
