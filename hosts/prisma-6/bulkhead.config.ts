import { defineAdmin } from 'bulkhead';
import { stocktake } from './stocktake.ts';

/** What is added to the pages that the schema makes. */
export default defineAdmin({
  name: 'Library',
  tasks: [stocktake],
  settings: { chunkSize: 50 },
});
