import { raw, type Statement, sql, statementOf } from '../db/sql.ts';
import { rawValue } from '../fields/column-value.ts';
import { limits } from '../limits.ts';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import { keyToUrl } from '../metadata/keys.ts';
import type { Client, Where } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { cutSql, titleText } from './cut.ts';
import { idOf, reselect } from './matching-sql.ts';

/**
 * A record by its key, which is empty where its model has none, with its title as far as pages show
 * it, else its id.
 */
export interface Titled {
  key: string;
  title: string;
  /** The column that was asked for besides. */
  held: unknown;
}

interface TitleQuery {
  resource: Pick<Resource, 'model' | 'titleField'>;
  where: Where;
  held?: FieldMeta | null;
  /** By the id; without it there is no order. */
  limit?: number;
}

/** Reads titles, of which the database sends no more than is shown: a title may be megabytes. */
export async function titledStatement(
  registry: ResourceRegistry,
  { resource, where, held, limit }: TitleQuery,
): Promise<Statement> {
  const { model, titleField } = resource;
  const found = await registry.whereSql(model, where, idOf(model));
  const title = model.fields[titleField]?.column;
  const columns = [
    `${model.idFields.length > 0 ? keySql(model, 't') : `''`} as key`,
    `${title ? cutSql(`t.${title}::text`, limits.shown.titleLength) : 'null'} as title`,
    `${held?.column ? `t.${held.column}${held.sqlType?.startsWith('money') ? '::numeric' : ''}` : 'null'} as held`,
  ];
  const part = limit === undefined ? '' : `${orderOf(model)} limit ${limit}`;
  return statementOf(
    sql`select ${raw(columns.join(', '))} from (${reselect(model, found, '*')}) t${raw(part)}`,
  );
}

function orderOf({ idFields, fields }: ModelMeta): string {
  return idFields.length === 0
    ? ''
    : ` order by ${idFields.map((name) => `t.${fields[name]?.column}`).join(', ')}`;
}

export async function readTitled(
  registry: ResourceRegistry,
  asked: TitleQuery,
  client: Client = registry.client,
): Promise<Titled[]> {
  const { text, values } = await titledStatement(registry, asked);
  return titledRows(asked, await client.$queryRawUnsafe<TitledRow[]>(text, ...values));
}

export interface TitledRow {
  key: string;
  title: string | null;
  held: unknown;
}

/** A record whose title is empty is called by its id, as everywhere. */
export function titledRows(
  { resource, held }: Pick<TitleQuery, 'resource' | 'held'>,
  rows: readonly TitledRow[],
): Titled[] {
  return rows.map((row) => {
    const title = titleText(row.title);
    return {
      key: row.key,
      title: title.trim() === '' ? keyToUrl(resource.model, row.key) : title,
      held: held ? rawValue(held, row.held) : null,
    };
  });
}
