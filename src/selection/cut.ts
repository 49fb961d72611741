import { limits } from '../limits.ts';
import type { FieldMeta } from '../metadata/contract.ts';

// Texts that PostgreSQL takes for nothing else.
const textTypes = /^(text|varchar|character|citext|xml|bit|varbit)\b/;

/** Is there no telling from its type how long a value is? */
export function canBeLong({ kind, type, sqlType, isList }: FieldMeta): boolean {
  return isList || type === 'Bytes' || isLongText({ kind, type, sqlType });
}

export function isLongText({
  kind,
  type,
  sqlType,
}: Pick<FieldMeta, 'kind' | 'type' | 'sqlType'>): boolean {
  return (
    kind === 'unsupported' ||
    type === 'Json' ||
    (type === 'String' && textTypes.test(sqlType ?? 'text'))
  );
}

/** One character more than is shown is read, which tells that there are more. */
export function cutSql(sql: string, shown: number): string {
  return `left(${sql}, ${shown + 1})`;
}

/** A text's beginning, with a sign that it goes on. */
export function cutText(text: string, shown: number): string {
  if (text.length <= shown) return text;
  const characters = [...text.slice(0, (shown + 1) * 2)];
  return characters.length <= shown
    ? text
    : `${characters.slice(0, shown).join('').toWellFormed()}…`;
}

/** A title of the database's as pages name a record by it. */
export function titleText(value: unknown): string {
  return cutText(String(value ?? ''), limits.shown.titleLength);
}
