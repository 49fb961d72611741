import { join } from 'node:path';
import { defineAdmin, type TaskColumn, TaskManager } from 'bulkhead';
import { auditTrail } from './admin/audit-trail.ts';
import { chat } from './admin/chat.ts';
import { closeDay, nightly } from './admin/close-day.ts';
import { customers } from './admin/customers.ts';
import { orders } from './admin/orders.ts';
import { products } from './admin/products.ts';
import { revenue } from './admin/revenue.ts';
import { PrismaClient } from './generated/client/client.ts';
import { seed } from './prisma/seed.ts';

declare module 'bulkhead' {
  interface ProjectTypes {
    client: PrismaClient;
  }
}

/** Says of every launch for which company it was. */
class ShopTasks extends TaskManager {
  override onLaunch({ principal }: Parameters<TaskManager['onLaunch']>[0]) {
    return { meta: { tenant: principal.claims?.tenant ?? null } };
  }
}

const company: TaskColumn = {
  name: 'company',
  label: 'Company',
  value: (tasks) =>
    new Map(
      tasks.flatMap(({ id, meta }) => {
        const { tenant } = (meta ?? {}) as { tenant?: number | null };
        return tenant ? [[id, `No. ${tenant}`] as const] : [];
      }),
    ),
};

export default defineAdmin({
  name: 'Two shops',
  definition: import.meta.url,
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: [orders, products, customers],
  tasks: [closeDay],
  schedules: [nightly],
  channels: [chat],
  notify: ['message', 'chat'],
  taskColumns: [company],
  taskManager: ShopTasks,
  aroundTask: (_task, next) => next(),
  around: (_span, run) => run(),
  reportError: (error, { where }) => console.error(where, error),
  settings: { minAsyncRecords: 50 },
  pages: [revenue],
  views: './views',
  styles: ['./admin.css'],
  logo: './logo.svg',
  plugins: [auditTrail({ group: 'People' })],
  migrations: { folder: join(import.meta.dirname, 'prisma'), schema: 'shop' },
  seed,
  credits: ['An example of Bulkhead'],
});
