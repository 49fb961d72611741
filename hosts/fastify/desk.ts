import { defineAdmin, defineResource } from 'bulkhead';
import { metadata } from './generated/bulkhead/metadata.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { stocktake } from './stocktake.ts';

/** For those at the desk, who have to do with books alone. */
export const desk = defineAdmin({
  name: 'Desk',
  definition: import.meta.url,
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: [defineResource(metadata, 'Book', { columns: ['title', 'shelf'] })],
  tasks: [stocktake],
  settings: { chunkSize: 50 },
});
