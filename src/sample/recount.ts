import { z } from 'zod';
import { defineTask } from '../index.ts';
import { clientOf } from './client.ts';

const placesAtOnce = 200;

/** Counts the places of a country and the people in them, while nobody changes them. */
export const recount = defineTask({
  name: 'places.recount',
  params: z.object({ country: z.string() }),
  title: ({ country }) => `Recount ${country}`,
  unique: {},
  launchable: {
    on: 'record',
    resource: 'countries',
    label: 'Recount',
    icon: 'calculator',
    allowed: ({ roles }) => roles.includes('editor') || roles.includes('admin'),
    params: ({ key }) => ({ country: key }),
    set: { cityCount: null, cityPopulation: null },
  },
  async run({ country }, task) {
    const ids = await task.tx(async (tx) => {
      const where = { countryCode: country };
      return (await clientOf(tx).city.findMany({ where, select: { id: true } })).map(
        ({ id }) => id,
      );
    });
    await task.lock('cities', ids);
    let population = 0;
    for (let done = 0; done < ids.length; done += placesAtOnce) {
      task.signal.throwIfAborted();
      task.progress(done, ids.length, 'Counting');
      const where = { id: { in: ids.slice(done, done + placesAtOnce) } };
      const { _sum } = await task.tx((tx) =>
        clientOf(tx).city.aggregate({ where, _sum: { population: true } }),
      );
      population += _sum.population ?? 0;
    }
    task.progress(ids.length, ids.length);
    await task.change('countries', [country], {
      cityCount: ids.length,
      cityPopulation: population,
    });
    return { places: ids.length, population };
  },
});
