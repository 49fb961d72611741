import { defineTask, t } from 'bulkhead';
import { z } from 'zod';

export const stocktake = defineTask({
  name: 'library.stocktake',
  params: z.object({ shelf: z.string().min(1) }),
  title: ({ shelf }) => `Stocktake of ${shelf}`,
  launchable: {
    on: 'tasks',
    label: 'Take stock…',
    allowed: ({ roles }) => roles.includes('admin'),
    form: { shelf: t.text({ label: 'Shelf', required: true }) },
  },
  async run({ shelf }, task) {
    await task.tx(async (tx) => {
      const books = await tx.book.count({ where: { shelf } });
      await tx.stocktake.create({ data: { shelf, books } });
    });
  },
});
