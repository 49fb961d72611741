import sample from '../admin.ts';
import type { FuzzOptions } from './fuzz.ts';
import { cityShapes, oddCities, oddCitiesSql } from './odd-cities.ts';
import { oddTables, oddTablesSql } from './odd-tables.ts';
import { insertPlaces } from './places.ts';
import { tortureAdmin } from './torture.ts';

type Fuzzed = Pick<FuzzOptions, 'admin' | 'content' | 'fill' | 'odd'>;

/** What odd requests are sent to. */
export const fuzzSchemas: Readonly<Record<'sample' | 'torture', Fuzzed>> = {
  sample: {
    admin: sample,
    content: 'empty',
    fill: ({ db }) => insertPlaces(db, 100),
    odd: {
      schema: 'gazetteer',
      schemas: ['gazetteer'],
      sql: oddCitiesSql('plain'),
      tables: [{ ...oddCities, is: cityShapes.plain.is }],
    },
  },
  torture: {
    admin: tortureAdmin,
    content: 'torture',
    odd: {
      schema: 'torture',
      schemas: ['torture', '"Odd-Schema"'],
      sql: oddTablesSql,
      tables: oddTables,
    },
  },
};
