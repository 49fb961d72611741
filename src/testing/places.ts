import type { Database } from '../db/database.ts';

/** Fills an empty gazetteer with numbered places of Spain; `population` is the number. */
export async function insertPlaces(db: Pick<Database, 'pages'>, count: number): Promise<void> {
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}'), ('FRA', 'FR', 'France', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(`insert into gazetteer.tag (name) values ('port'), ('island'), ('capital')`);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
     select 'Place ' || n, 'ESP', 'PPL', n, 0, 0 from generate_series(1, $1::int) n`,
    [count],
  );
  await db.pages.query('analyze gazetteer.city');
}

/** What a form of a place sends, but for its name. */
export const placeForm = {
  country: 'ESP',
  featureCode: 'PPL',
  population: '1',
  latitude: '0',
  longitude: '0',
  status: 'draft',
} as const;

/** Counts every write of every place in a column of the test's own. */
export async function countWrites(db: Database): Promise<void> {
  await db.pages.query(`
    alter table gazetteer.city add column writes int not null default 0;
    create function gazetteer.count_write() returns trigger language plpgsql as $$ begin new.writes := old.writes + 1; return new; end $$;
    create trigger count_write before update on gazetteer.city for each row execute function gazetteer.count_write();
  `);
}
