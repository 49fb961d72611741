import { defineResource } from 'bulkhead';
import { metadata } from '../generated/bulkhead/metadata.ts';
import { ofTenant, tenantFor } from './tenancy.ts';

export const customers = defineResource(metadata, 'Customer', {
  icon: 'users',
  group: 'People',
  columns: ['name', 'email', 'note'],
  search: ['name', 'email'],
  form: ['name', 'email', 'note'],
  fields: { tenant: { hidden: true } },
  scope: ofTenant,
  hooks: {
    beforeSave: ({ kind, principal, set }) => {
      if (kind === 'create') set('tenantId', tenantFor(principal));
    },
  },
  validate: ({ email }) => (/@/.test(email) ? null : { email: 'An address has an @ in it.' }),
});
