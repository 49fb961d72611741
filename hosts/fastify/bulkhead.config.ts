import { defineAdmin, defineEveryResource, defineResource } from 'bulkhead';
import { metadata } from './generated/bulkhead/metadata.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { stocktake } from './stocktake.ts';

declare module 'bulkhead' {
  interface ProjectTypes {
    client: PrismaClient;
  }
}

const books = defineResource(metadata, 'Book', {
  columns: ['title', 'shelf', 'copies'],
  search: ['title'],
});

/** For those who run the library. */
export default defineAdmin({
  name: 'Library',
  definition: import.meta.url,
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: defineEveryResource(metadata, [books]),
  tasks: [stocktake],
  settings: { chunkSize: 50 },
});
