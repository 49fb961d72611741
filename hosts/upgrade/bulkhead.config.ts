import { PrismaPg } from '@prisma/adapter-pg';
import { defineAdmin, defineEveryResource, defineResource, defineTask, t } from 'bulkhead';
import { z } from 'zod';
import { PrismaClient } from './generated/own/client/client.ts';
import { metadata } from './generated/own/metadata/metadata.ts';

/** Counts every book once, wherever it stands meanwhile and whatever stops it. */
const stocktake = defineTask({
  name: 'library.stocktake',
  params: z.object({ shelf: z.string() }),
  concurrency: 1,
  launchable: {
    on: 'tasks',
    allowed: () => true,
    form: { shelf: t.text({ label: 'Shelf', required: true }) },
  },
  async run({ shelf }, task) {
    const source = async (after: number | null, limit: number) => {
      const where = { id: { gt: after ?? 0 } };
      const books = await task.tx((tx) =>
        tx.book.findMany({ where, orderBy: { id: 'asc' }, take: limit }),
      );
      return books.map((item) => ({ item, position: item.id }));
    };
    await task.each(
      'books',
      source,
      (some, tx) =>
        tx.stocktake.createMany({
          data: some.map(({ id }) => ({ shelf: `${shelf} ${id}`, books: 1 })),
        }),
      { size: 10 },
    );
  },
});

export default defineAdmin({
  name: 'Library',
  definition: import.meta.url,
  // A package of before gave a pool.
  createClient: (given, place) =>
    new PrismaClient({ adapter: given.adapter ?? new PrismaPg(given, place) }),
  resources: defineEveryResource(metadata, [
    defineResource(metadata, 'Book', { columns: ['title', 'shelf', 'copies'] }),
  ]),
  tasks: [stocktake],
  settings: { chunkSize: 50 },
});
