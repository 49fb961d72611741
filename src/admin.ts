import { join } from 'node:path';
import { PrismaClient } from '../generated/sample/client.ts';
import { seed } from '../prisma/sample/seed.ts';
import { defineAdmin } from './index.ts';
import { cities } from './sample/cities.ts';
import { countries } from './sample/countries.ts';
import { languages } from './sample/languages.ts';
import { mirror } from './sample/mirror.ts';
import { recount } from './sample/recount.ts';
import { schedules } from './sample/schedules.ts';
import { tags } from './sample/tags.ts';
import { tally } from './sample/tally.ts';

/** What is administered here: edit this file. As it comes it is the sample, a gazetteer. */
export default defineAdmin({
  name: 'Gazetteer',
  createClient: ({ adapter }) => new PrismaClient({ adapter }),
  resources: [cities, countries, tags, languages],
  tasks: [recount, tally],
  schedules,
  taskHooks: [mirror],
  notify: 'message',
  migrations: { folder: join(import.meta.dirname, '../prisma/sample'), schema: 'gazetteer' },
  seed,
  credits: ['Places: GeoNames, CC BY 4.0', 'Countries: world-countries, ODbL'],
});
