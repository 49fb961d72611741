import type { Database } from '../db/database.ts';
import { insertPlaces } from './places.ts';

/** As many records of a model as are asked for, in an empty gazetteer; a model more is a line more. */
const inserting: Readonly<Record<string, (db: Database, count: number) => Promise<unknown>>> = {
  City: insertPlaces,
  Country: (db, count) =>
    db.pages.query(
      `insert into gazetteer.country (code, code2, name, region, area, currencies)
       select 'X' || letters, letters, 'Country ' || n, 'Europe', n, '{}' from generate_series(1, $1::int) n,
         lateral (select chr(65 + n / 26) || chr(65 + n % 26) as letters) l`,
      [count],
    ),
  Language: (db, count) =>
    db.pages.query(
      `insert into gazetteer.language (code, name)
       select 'l' || n, 'Language ' || n from generate_series(1, $1::int) n`,
      [count],
    ),
  Tag: (db, count) =>
    db.pages.query(
      `insert into gazetteer.tag (name) select 'Tag ' || n from generate_series(1, $1::int) n`,
      [count],
    ),
};

/** Empties the gazetteer and fills it with records of a model, each with another name. */
export async function fillWith(db: Database, model: string, count: number): Promise<void> {
  const insert = inserting[model];
  if (!insert) throw new Error(`say in ${import.meta.filename} how records of ${model} are made`);
  await db.pages.query(
    'truncate gazetteer.country, gazetteer.tag, gazetteer.language restart identity cascade',
  );
  await insert(db, count);
}
