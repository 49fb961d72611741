import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';

/**
 * The type that the text of an image's value is read as. The column's own length is asked by the
 * assignment, which refuses what a cast would cut off.
 */
export function typedText({ sqlType }: FieldMeta): string {
  const type = sqlType ?? 'text';
  if (/^character(\(|$)/.test(type)) return 'bpchar';
  if (/^bit(\(|$)/.test(type)) return 'varbit';
  return type.startsWith('"') ? type : type.replace(/\(.*?\)/, '');
}

/** SQL that reads an image as a row of the table, of `fields` at least. */
export function readAsRow(model: ModelMeta, fields: readonly FieldMeta[], image: string): string {
  // A row of the table would hold nothing in its other columns, which a domain may not let it.
  if (!model.hasStrictDomains) return `jsonb_populate_record(null::${model.table}, ${image})`;
  if (fields.length === 0) return '(select)';
  const columns = fields.map(({ column, sqlType }) => `${column} ${sqlType}`);
  return `(select * from jsonb_to_record(${image}) as one(${columns.join(', ')}))`;
}

/** A column's name without its quotes. */
export function unquoted(column: string): string {
  return column.replace(/^"|"$/g, '').replaceAll('""', '"');
}
