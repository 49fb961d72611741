import type { Database } from '../db/database.ts';
import { plainTable } from './acknowledged.ts';
import { dealtSql } from './chaos-tasks.ts';
import { fateOfHeld, holds, ruleSql } from './holding.ts';
import { oddCitiesSql } from './odd-cities.ts';
import { heir, oddTablesSql } from './odd-tables.ts';
import { insertPlaces } from './places.ts';
import { fillTorture } from './torture-database.ts';
import { keepLedger, type Ledgered, ledgerDifferences, numbered } from './write-ledger.ts';

type Owner = Database['pages'];

/** Of each odd table, so many records. */
export const oddCount = 100;

/** Every so many places one is held back, each in the next way. */
export const heldEvery = 25;

/** Records of the plain table. */
export const plainCount = 2_000;

export function holdOfPlace(id: number) {
  return id % heldEvery === 0 ? (holds[(id / heldEvery) % holds.length] ?? null) : null;
}

const ledgered: readonly Ledgered[] = [
  {
    model: 'City',
    table: 'gazetteer.city',
    key: numbered,
    columns: { notes: 'notes', status: 'status', featured: 'featured', rating: 'rating' },
  },
  {
    model: 'ScalarList',
    table: '"Odd-Schema"."ScalarList"',
    key: numbered,
    columns: { texts: 'texts', ints: 'ints' },
  },
  { model: 'IdBigInt', table: 'torture."IdBigInt"', key: numbered, columns: { name: 'name' } },
  {
    model: 'IdSnowflake',
    table: 'torture."IdSnowflake"',
    key: numbered,
    columns: { name: 'name' },
  },
  {
    model: 'IdCuid',
    table: 'torture."IdCuid"',
    heirs: [heir],
    key: 'row.id',
    columns: { name: 'name' },
  },
];

/**
 * Places in partitions, held in every way; lists of all kinds; names that are there once; a table
 * that inherits; a rule on countries.
 */
export async function fillChaos(
  owner: Owner,
  connectionString: string,
  places: number,
): Promise<void> {
  await fillTorture(connectionString);
  // A rule on a table that is written along with a place by a foreign key would end both.
  await owner.query(`${oddCitiesSql('partitioned')} ${oddTablesSql}
    alter table "Odd-Schema"."ScalarList" alter texts type text[] collate torture.any_case;
    alter table gazetteer.country drop constraint country_capital_city_id_fkey;`);
  for (const { model, table } of ledgered)
    if (model !== 'City') await owner.query(`delete from ${table}`);
  await insertPlaces({ pages: owner }, places);
  await owner.query(
    `insert into "Odd-Schema"."ScalarList" (id, name, texts, ints)
     select n, 'List ' || n, (array['{a,NULL,b}', '{{a,b},{NULL,c}}', '{}', '{A,a}'])[1 + n % 4]::text[],
       (array['{1,NULL}', '{1,2}', '{{1,2}}'])[1 + n % 3]::int[] from generate_series(1, $1::int) n`,
    [oddCount],
  );
  for (const [table, key] of [
    ['torture."IdBigInt"', 'n'],
    ['torture."IdSnowflake"', 'n'],
    ['torture."IdCuid"', `'c' || n`],
    [heir, `'d' || n`],
  ])
    await owner.query(
      `insert into ${table} (id, name) select ${key}, 'Name ' || n from generate_series(1, $1::int) n`,
      [oddCount],
    );
  const held = Array.from({ length: places }, (_, index) => index + 1).filter((id) =>
    holdOfPlace(id),
  );
  await owner.query(
    `insert into gazetteer.held select 'City', id, hold from unnest($1::text[], $2::text[]) as held(id, hold)`,
    [held.map(String), held.map(holdOfPlace)],
  );
  // Some places refuse some notes, so that there is something to isolate and to retry.
  await owner.query(
    `alter table gazetteer.city add constraint no_refused check (id % 97 <> 0 or notes is null or notes collate "C" not like 'refused%')`,
  );
  await owner.query(
    `insert into ${plainTable} (name) select 'Plain ' || n from generate_series(1, $1::int) n`,
    [plainCount],
  );
  await keepLedger(owner, ledgered);
  await owner.query(`${ruleSql.instead('gazetteer.country')}
    create table gazetteer.country_before as table gazetteer.country;
    ${dealtSql}`);
}

/**
 * What was written and not told, or told and not written, or written though the database holds it
 * back.
 */
export async function findUntold(owner: Owner, change: string): Promise<string[]> {
  const written = (['update', 'delete'] as const).flatMap((kind) =>
    holds
      .filter((hold) => fateOfHeld(hold, kind) !== 'passes')
      .map((hold) => `(kind = '${kind}' and hold = '${hold}')`),
  );
  const looks: Record<string, string> = {
    'a place that is held back is never written': `
      select format('place %s, %s: %s', ledger.key, hold, kind) as text from gazetteer.ledger
      join gazetteer.held on model = of and ledger.key = lpad(held.key, 20, '0') where ${written.join(' or ')} limit 10`,
    'a list of lists stays, or is replaced as a whole': `
      select format('list %s: %s became %s', key, before -> 'texts', after -> 'texts') as text from gazetteer.ledger
      where model = 'ScalarList' and kind = 'update' and jsonb_typeof(before -> 'texts' -> 0) = 'array' and jsonb_typeof(after -> 'texts' -> 0) = 'array'
        and before -> 'texts' <> after -> 'texts' limit 10`,
    'a table with a rule is as it was': `
      select format('country %s', code) as text from (
        (table gazetteer.country except table gazetteer.country_before) union all (table gazetteer.country_before except table gazetteer.country)
      ) other`,
    'what inherits keeps what is its own': `
      select format('%s rows, %s of their own', count(*), count(*) filter (where own = 'only here')) as text from ${heir}
      having count(*) <> ${oddCount} or count(*) filter (where own = 'only here') <> ${oddCount}`,
  };
  const broken: string[] = [];
  const differences = await ledgerDifferences(owner, change, 10, ledgered);
  if (differences.length > 0)
    broken.push(
      [
        'BROKEN: every write is told once, as it was',
        ...differences.map((text) => `  ${text}`),
      ].join('\n'),
    );
  for (const [name, sql] of Object.entries(looks)) {
    const { rows } = await owner.query<{ text: string }>(sql);
    if (rows.length > 0)
      broken.push([`BROKEN: ${name}`, ...rows.map(({ text }) => `  ${text}`)].join('\n'));
  }
  return broken;
}
