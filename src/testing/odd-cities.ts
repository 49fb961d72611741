import type { Drawable } from './drawn-causes.ts';
import { type Holdable, holdableSql, holdingSql, holdingTriggerSql } from './holding.ts';
import { partitionSql } from './partition-table.ts';

export const oddCities: Holdable = { table: 'gazetteer.city', of: 'City', ids: ['id'] };

const collated = (level: 1 | 2) => `
  create collation gazetteer.loose (provider = icu, locale = 'und-u-ks-level${level}', deterministic = false);
  alter table gazetteer.city alter notes type text collate gazetteer.loose;`;

/**
 * What the table of places may be besides, with the owner's statements that make it so while it is
 * empty.
 */
export const cityShapes = {
  plain: { is: ['collation without case'], sql: collated(2), heirs: [] },
  partitioned: {
    is: ['partitioned table', 'collation without accents'],
    sql: partitionSql('gazetteer', 'city', 'id', 9) + collated(1),
    heirs: [],
  },
  // No foreign key can lead to a table and to those that inherit from it.
  inherited: {
    is: ['inherited table'],
    sql: `
      alter table gazetteer."_CityToTag" drop constraint "_CityToTag_A_fkey";
      alter table gazetteer.country drop constraint country_capital_city_id_fkey;
      create table gazetteer.village (own text not null default 'only here', primary key (id)) inherits (gazetteer.city);`,
    heirs: ['gazetteer.village'],
  },
} as const satisfies Record<
  string,
  { is: readonly Drawable[]; sql: string; heirs: readonly string[] }
>;

export type CityShape = keyof typeof cityShapes;

/** Statements of the owner: places of this shape, each of which can be held back. */
export function oddCitiesSql(shape: CityShape): string {
  const { sql, heirs } = cityShapes[shape];
  const inherited = heirs.map((table) => holdingTriggerSql('gazetteer', { ...oddCities, table }));
  return [sql, holdingSql('gazetteer'), holdableSql('gazetteer', oddCities), ...inherited].join(
    '\n',
  );
}
