import { nameOfBlock, plainNames, quoted } from './plain-names.ts';
import type { PulledBlock } from './pulled-text.ts';
import { isSpeakable, unspoken } from './quoted-names.ts';
import type { FoundColumn, FoundTable } from './read-catalog.ts';

/**
 * A view of the schema for what is looked at only: views, materialized ones, and foreign tables, of
 * which Prisma reads only the first.
 *
 * @param models names that are taken
 * @param enums names in the schema by `schema.name` in the database
 */
export function viewBlock(
  { schema, name, columns }: FoundTable,
  models: Set<string>,
  enums: ReadonlyMap<string, string>,
): PulledBlock {
  const own = nameOfBlock({ schema, name }, models, 'view');
  const names = plainNames(
    columns.map((column) => column.name),
    'column',
  );
  return {
    kind: 'view',
    name: own,
    fields: columns.map((column, index) => {
      const { type, native } = typeOf(column, enums);
      const field = names[index] as string;
      const found = {
        name: field,
        type: `${type}${column.isList ? '[]' : column.isRequired ? '' : '?'}`,
        rest: [native, field === column.name ? '' : `@map(${quoted(column.name)})`]
          .filter(Boolean)
          .join(' '),
      };
      return isSpeakable(column.name) ? found : unspoken(found);
    }),
    attributes: [
      ...(own === name ? [] : [`@@map(${quoted(name)})`]),
      `@@schema(${quoted(schema)})`,
    ],
  };
}

/** By the name of the type in `pg_type`: Prisma's, and the native one where that is not its own. */
const types: Readonly<Record<string, readonly [string, native?: string]>> = {
  text: ['String'],
  name: ['String'],
  varchar: ['String', 'VarChar'],
  bpchar: ['String', 'Char'],
  uuid: ['String', 'Uuid'],
  xml: ['String', 'Xml'],
  inet: ['String', 'Inet'],
  citext: ['String', 'Citext'],
  bit: ['String', 'Bit'],
  varbit: ['String', 'VarBit'],
  int2: ['Int', 'SmallInt'],
  int4: ['Int'],
  oid: ['Int', 'Oid'],
  int8: ['BigInt'],
  float4: ['Float', 'Real'],
  float8: ['Float'],
  numeric: ['Decimal', 'Decimal'],
  money: ['Decimal', 'Money'],
  bool: ['Boolean'],
  timestamp: ['DateTime', 'Timestamp'],
  timestamptz: ['DateTime', 'Timestamptz'],
  date: ['DateTime', 'Date'],
  time: ['DateTime', 'Time'],
  timetz: ['DateTime', 'Timetz'],
  json: ['Json', 'Json'],
  jsonb: ['Json'],
  bytea: ['Bytes'],
};

/** Precisions that PostgreSQL has where none is said. */
const fullPrecision = new Set(['Timestamp', 'Timestamptz', 'Time', 'Timetz']);

function typeOf(
  { type, typeSchema, fullType, isEnum }: FoundColumn,
  enums: ReadonlyMap<string, string>,
): { type: string; native: string } {
  const own = isEnum ? enums.get(`${typeSchema}.${type}`) : undefined;
  if (own !== undefined) return { type: own, native: '' };
  const known =
    isEnum || (typeSchema !== 'pg_catalog' && type !== 'citext') ? undefined : types[type];
  if (!known) return { type: `Unsupported(${quoted(fullType.replace(/\[\]$/, ''))})`, native: '' };
  const [prisma, native] = known;
  if (!native) return { type: prisma, native: '' };
  const given = /\(([^)]*)\)/.exec(fullType)?.[1];
  const size = given ?? (fullPrecision.has(native) ? '6' : null);
  return {
    type: prisma,
    native: `@db.${native}${size === null ? '' : `(${size.replace(',', ', ')})`}`,
  };
}
