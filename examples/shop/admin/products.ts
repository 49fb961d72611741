import { defineResource } from 'bulkhead';
import { metadata } from '../generated/bulkhead/metadata.ts';
import { money } from './money.ts';
import { ofTenant, tenantFor } from './tenancy.ts';

export const products = defineResource(metadata, 'Product', {
  icon: 'book-open',
  group: 'Sales',
  columns: ['name', 'price', 'stock', 'isSold', 'worth'],
  computed: {
    worth: {
      label: 'Worth of the stock (€)',
      needs: ['price', 'stock'],
      value: ({ price, stock }) => ((price * stock) / 100).toFixed(2),
      align: 'end',
    },
  },
  filters: ['price', 'isSold'],
  search: ['name'],
  form: ['name', 'price', 'stock', 'isSold'],
  fields: {
    tenant: { hidden: true },
    price: { label: 'Price (€)', help: 'Such as 13.75.', kind: money },
    isSold: { label: 'On sale' },
  },
  scope: ofTenant,
  hooks: {
    beforeSave: ({ kind, principal, set }) => {
      if (kind === 'create') set('tenantId', tenantFor(principal));
    },
  },
  bulk: { fields: ['price', 'stock', 'isSold'], reason: 'optional' },
});
