import { Decimal } from '@prisma/client/runtime/client';
import type { FieldMeta, Metadata } from './contract.ts';

/** SQL of a value as text, which `fromText` reads; of a list as a JSON array of such texts. */
export function textSql(field: FieldMeta, alias: string): string {
  const column = `${alias}.${field.column}`;
  // Its cast adds the bits of a whole address, which its own text leaves out.
  if (field.sqlType?.startsWith('inet')) return field.isList ? `to_json(${column})::text` : `to_jsonb(${column}) #>> '{}'`;
  if (field.isList) return `to_json(${column}${field.sqlType === 'money[]' ? '::numeric[]' : ''}::text[])::text`;
  // Money's own text has a sign of the currency.
  if (field.sqlType === 'money') return `${column}::numeric::text`;
  return field.type === 'DateTime' ? `to_jsonb(${column}) #>> '{}'` : `${column}::text`;
}

/** A value as Prisma's client gives it, from PostgreSQL's text of it; a list from a JSON array of such texts. */
export function fromText(metadata: Metadata, field: FieldMeta, text: string | null): unknown {
  if (!field.isList) return text === null ? null : single(metadata, field, text);
  return text === null ? [] : itemsOf(metadata, field, JSON.parse(text) as unknown[]);
}

// What Prisma's client cannot read: empty places, and lists in a list.
function itemsOf(metadata: Metadata, field: FieldMeta, items: readonly unknown[]): unknown[] {
  return items.map((item) => {
    if (Array.isArray(item)) return itemsOf(metadata, field, item);
    return item === null ? null : single(metadata, field, String(item));
  });
}

function single(metadata: Metadata, field: FieldMeta, text: string): unknown {
  if (field.kind === 'enum') return metadata.enums[field.type]?.values.find(({ dbName }) => dbName === text)?.name ?? text;
  switch (field.type) {
    case 'Int':
    case 'Float':
      return Number(text);
    case 'BigInt':
      return BigInt(text);
    case 'Decimal':
      return new Decimal(text);
    case 'Boolean':
      return text === 'true' || text === 't';
    case 'DateTime':
      return moment(text);
    case 'Json':
      return JSON.parse(text);
    case 'Bytes':
      return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
    default:
      return text;
  }
}

// As Prisma does: what has no zone is UTC, a time alone is of the first day of 1970, and its offset is left out.
function moment(text: string): Date {
  const dated = /^\d{2}:\d{2}/.test(text) ? `1970-01-01T${text.replace(/[+-].*$/, '')}` : text.replace(' ', 'T');
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(dated);
  const zoned = isDay || /(Z|[+-]\d{2}(:?\d{2})?)$/.test(dated.slice(11)) ? dated : `${dated}Z`;
  return new Date(zoned.replace(/([+-]\d{2})$/, isDay ? '$1' : '$1:00'));
}
