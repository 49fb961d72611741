import { AppError, defineResource } from 'bulkhead';
import { metadata } from '../generated/bulkhead/metadata.ts';
import { money } from './money.ts';
import { remind } from './remind.ts';
import { ofTenant, tenantFor } from './tenancy.ts';

export const orders = defineResource(metadata, 'Order', {
  icon: 'shopping-cart',
  group: 'Sales',
  titleField: 'number',
  columns: ['number', 'customer', 'state', 'total', 'placedAt', 'remindedAt'],
  filters: ['state', 'total', 'customer'],
  search: ['number'],
  defaultSort: '-placedAt',
  fields: {
    tenant: { hidden: true },
    total: { label: 'Total (€)', kind: money },
    remindedAt: { label: 'Reminded', readOnly: true },
    reminder: { readOnly: true },
    deletedAt: { hidden: true },
  },
  form: ['number', 'customer', 'state', 'total', 'placedAt', 'remindedAt', 'reminder'],
  scope: (principal) => ({ ...ofTenant(principal), deletedAt: null }),
  // Nobody's scope is every order, since some are put away: who sees everybody's tasks is said here.
  tasks: ({ roles }) => roles.includes('admin'),
  operations: [remind],
  hooks: {
    beforeSave: ({ kind, principal, set }) => {
      if (kind === 'create') set('tenantId', tenantFor(principal));
    },
    /** Orders are put away, and kept: a shipped one is somebody's. */
    async delete({ record, tx }) {
      if (record.state === 'shipped')
        throw new AppError('shipped', 422, `${record.number} was shipped, so it stays.`);
      await tx.order.update({ where: { id: record.id }, data: { deletedAt: new Date() } });
    },
  },
});
