import type { TableNames } from '../db/names.ts';

/** SQL: part of an insert that has `inserted`, a task: keeps what the preview showed that it was. */
export function keepPreviewSql(t: TableNames): string {
  const refused = `(select coalesce(jsonb_agg(jsonb_build_object('code', one -> 'code', 'message', one -> 'message', 'count', one -> 'count')), '[]') from jsonb_array_elements(findings -> 'refused') one)`;
  const held = `(select coalesce(sum((one ->> 'count')::int), 0) from jsonb_array_elements(findings -> 'held') one)`;
  return `insert into ${t.task_preview} (task_id, findings, rows)
    select inserted.id, findings - 'digest' - 'triggers' - 'expectedMs' || jsonb_build_object('kind', 'records', 'recordCount', record_count, 'refused', ${refused}, 'held', ${held}), shown
    from inserted join ${t.preview} preview on preview.id = inserted.operation_id where findings is not null`;
}
