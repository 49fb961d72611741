import type { Drawable } from './drawn-causes.ts';
import { type Holdable, holdableSql, holdingSql, holdingTriggerSql } from './holding.ts';

export interface OddTable extends Holdable {
  /** What it always is. */
  is: readonly Drawable[];
}

const odd = (
  of: string,
  ids: readonly string[],
  is: readonly Drawable[] = [],
  table = `torture."${of}"`,
): OddTable => ({
  of,
  table,
  ids,
  is,
});

/**
 * Tables of the torture schema that are what Prisma's schema cannot say, and whose records can be
 * held back.
 */
export const oddTables: readonly OddTable[] = [
  odd('Everything', ['id'], [], 'torture."every thing"'),
  odd('ScalarList', ['id'], [], '"Odd-Schema"."ScalarList"'),
  odd('IdText', ['code']),
  odd('IdUuid', ['id'], ['collation without case']),
  odd('IdUuidText', ['id'], ['collation without accents']),
  odd('CompositeInt', ['a', 'b'], ['partitioned table']),
  odd('IdCuid', ['id'], ['inherited table']),
  odd('IdSnowflake', ['id'], ['deferrable unique']),
  odd('IdBigInt', ['id'], ['plain unique']),
  odd('IdVarChar', ['code'], ['plain unique', 'collation without accents']),
];

/** The table that inherits from that of IdCuid. */
export const heir = 'torture.heir';

/** Statements of the owner, on tables with rows or without. */
export const oddTablesSql = `
  create collation torture.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  create collation torture.any_accent (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
  alter table torture."IdUuid" alter name type text collate torture.any_case;
  alter table torture."IdUuidText" alter name type text collate torture.any_accent;
  alter table torture."IdVarChar" alter name type text collate torture.any_accent, add constraint name_once unique (name);
  alter table torture."IdBigInt" add constraint big_name_once unique (name);
  alter table torture."IdSnowflake" add constraint snowflake_name_once unique (name) deferrable initially deferred;
  insert into "Odd-Schema"."ScalarList" (name, texts, ints) values ('Gaps', '{a,NULL}', '{NULL,1}'), ('Lists of lists', '{{a,b},{c,NULL}}', '{{1,2}}');
  create table ${heir} (own text not null default 'only here', primary key (id)) inherits (torture."IdCuid");
  create table torture.in_parts (like torture."CompositeInt" including all) partition by list (a);
  create table torture.part_0 partition of torture.in_parts for values in (0) partition by range (b);
  create table torture.part_0_low partition of torture.part_0 for values from (minvalue) to (10);
  create table torture.part_0_high partition of torture.part_0 for values from (10) to (maxvalue);
  create table torture.part_others partition of torture.in_parts default;
  insert into torture.in_parts select * from torture."CompositeInt";
  drop table torture."CompositeInt" cascade;
  alter table torture.in_parts rename to "CompositeInt";
  ${holdingSql('torture')}
  ${oddTables.map((table) => holdableSql('torture', table)).join('\n')}
  ${oddTables
    .filter(({ of }) => of === 'IdCuid')
    .map((table) => holdingTriggerSql('torture', { ...table, table: heir }))
    .join('\n')}
  grant usage on schema torture to public;
`;

/** As `collation without accents` finds texts of the generators equal. */
export function withoutAccents(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss');
}
