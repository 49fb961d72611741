import { defineAdmin, defineEveryResource, defineResource } from 'bulkhead';
import { PrismaClient } from './generated/own/client/client.ts';
import { metadata } from './generated/own/metadata/metadata.ts';
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
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: defineEveryResource(metadata, [books]),
  tasks: [stocktake],
  settings: { chunkSize: 50 },
});
