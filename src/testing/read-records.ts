import type pg from 'pg';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { joinOf } from '../metadata/model-fields.ts';
import type { ModelRecord } from './change-model.ts';

/**
 * Reads a table by statements of the tests' own. The returned function gives records by the texts
 * of their ids, joined by slashes.
 */
export function recordReader(
  client: Pick<pg.Client, 'query'>,
  model: ModelMeta,
  fields: readonly string[],
): () => Promise<Map<string, ModelRecord>> {
  const field = (name: string) => model.fields[name] as FieldMeta;
  const ids = model.idFields.map((name) => `t.${field(name).column}::text`).join(` || '/' || `);
  const cells = fields.map((name) => `'${name}', ${readCell(model, field(name))}`);
  const sql = `select ${ids} as id, json_build_object(${cells.join(', ')}) as record from ${model.table} t`;
  return async () => {
    const { rows } = await client.query<{ id: string; record: ModelRecord }>(sql);
    return new Map(rows.map(({ id, record }) => [id, record]));
  };
}

function readCell(model: ModelMeta, field: FieldMeta): string {
  const { column, relation, isList, sqlType, type } = field;
  if (relation?.kind === 'many-to-many') {
    const { joinTable, ownColumn, otherColumn } = joinOf(field);
    const [id = ''] = model.idFields;
    return `to_json(array(select j.${otherColumn}::text from ${joinTable} j where j.${ownColumn} = t.${model.fields[id]?.column} order by j.${otherColumn}))`;
  }
  if (isList) return `array_to_json(t.${column}::text[])`;
  // As the standard writes it, which JavaScript reads.
  if (type === 'DateTime' && !/^time(tz)?\b/.test(sqlType ?? '')) return `to_json(t.${column})`;
  return `t.${column}::text`;
}
