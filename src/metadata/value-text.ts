import type { FieldMeta } from './contract.ts';

/**
 * SQL of a value as text, which `fromText` of the column's kind reads; of a list as a JSON array of
 * such texts.
 */
export function textSql(field: FieldMeta, alias: string): string {
  const column = `${alias}.${field.column}`;
  // Its cast adds the bits of a whole address, which its own text leaves out.
  if (field.sqlType?.startsWith('inet'))
    return field.isList ? `to_json(${column})::text` : `to_jsonb(${column}) #>> '{}'`;
  if (field.isList)
    return `to_json(${column}${field.sqlType === 'money[]' ? '::numeric[]' : ''}::text[])::text`;
  // Money's own text has a sign of the currency.
  if (field.sqlType === 'money') return `${column}::numeric::text`;
  return field.type === 'DateTime' ? `to_jsonb(${column}) #>> '{}'` : `${column}::text`;
}
