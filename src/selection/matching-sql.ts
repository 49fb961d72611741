import { raw, type Sql, sql, withHead } from '../db/sql.ts';
import type { ModelMeta } from '../metadata/contract.ts';

/**
 * A statement of `registry.whereSql` that read ids, reading whole rows (`*`) or nothing (`1`)
 * instead: enums and all as the table has them, so that indexes can order them.
 */
export function reselect(model: ModelMeta, found: Sql, selectList: '*' | '1'): Sql {
  const columns = selectList === '*' ? `${model.table}.*` : selectList;
  const [head = ''] = found.strings;
  const at = head.indexOf(' FROM ');
  if (head.startsWith(` FROM ${model.table}`, at))
    return withHead(found, `select ${columns}${head.slice(at)}`);
  const ids = idOf(model).map(
    (name) =>
      `${model.table}.${model.fields[name]?.column}${model.fields[name]?.kind === 'enum' ? '::text' : ''}`,
  );
  return sql`${raw(`select ${columns} from ${model.table} where (${ids.join(', ')})`)} in (${found})`;
}

/** The id, or where a model has none, a column that stands for its rows in a statement. */
export function idOf(model: ModelMeta): readonly string[] {
  if (model.idFields.length > 0) return model.idFields;
  const first = Object.values(model.fields).find(
    ({ column, kind }) => column !== null && kind !== 'unsupported',
  );
  return first ? [first.name] : [];
}
