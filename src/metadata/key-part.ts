import { isIP } from 'node:net';
import type { FieldMeta } from './contract.ts';

/**
 * How one id field of a record is written in its key, a URL and SQL. All forms of one value are one
 * text.
 */
export interface KeyPart {
  /** A value of Prisma's client as it stands in the key. */
  encode(value: unknown): string;
  /** Reads the natural text of a URL; null is no id of this field. */
  parse(text: string): string | null;
  /** The natural text of a part of a key. */
  natural(part: string): string;
  /** The value for Prisma's client. */
  value(part: string): unknown;
  /** The text that PostgreSQL casts. */
  input(part: string): string;
  /** SQL that makes the part of a column. */
  sql(column: string): string;
  /** SQL that makes the column's value of such a part again; without one, parts are compared. */
  fromSql?(part: string): string;
  /**
   * Type that `input` is cast to: without lengths, since such a cast cuts a longer text into the id
   * of another record.
   */
  readonly cast: string;
  /** The database finds values equal whose texts differ: the text must be compared as well. */
  readonly isLoose?: boolean;
}

const text: KeyPart = {
  encode: String,
  parse: (given) => (given.includes('\0') ? null : given),
  natural: (part) => part,
  value: (part) => part,
  input: (part) => part,
  sql: (column) => `${column}::text`,
  cast: 'text',
};

const digits = 20;
const complement = 10n ** 19n;

// Zero-padded, a negative one as its complement: the order of the texts is that of the numbers.
function integer(
  sqlType: string,
  low: bigint,
  high: bigint,
  value: (part: string) => unknown,
): KeyPart {
  const natural = (part: string) =>
    (part.startsWith('-') ? BigInt(part.slice(1)) - complement : BigInt(part)).toString();
  const encode = (given: unknown) => {
    const number = BigInt(given as number | bigint | string);
    return number >= 0n
      ? number.toString().padStart(digits, '0')
      : `-${(complement + number).toString().padStart(digits - 1, '0')}`;
  };
  return {
    encode,
    parse(given) {
      if (!/^-?\d{1,19}$/.test(given)) return null;
      const number = BigInt(given);
      return number < low || number > high ? null : encode(number);
    },
    natural,
    value: (part) => value(natural(part)),
    input: natural,
    sql(column) {
      const number = sqlType === 'oid' ? `${column}::bigint` : column;
      return `(case when ${number} >= 0 then lpad(${number}::text, 20, '0') else '-' || lpad((10000000000000000000 + ${number}::numeric)::text, 19, '0') end)`;
    },
    fromSql: (part) =>
      // Leading zeros would be read as octal.
      sqlType === 'oid'
        ? `${part}::bigint::oid`
        : `case when starts_with(${part}, '-') then (substr(${part}, 2)::numeric - 10000000000000000000)::${sqlType} else ${part}::${sqlType} end`,
    cast: sqlType,
  };
}

// Trailing zeros are no part of a number.
function plainDecimal(given: string): string {
  const [, sign = '', units = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(given) ?? [];
  const kept = fraction.replace(/0+$/, '');
  const number = `${units.replace(/^0+(?=\d)/, '')}${kept === '' ? '' : `.${kept}`}`;
  return number === '0' ? '0' : `${sign}${number}`;
}

const decimal: KeyPart = {
  ...text,
  encode: (value) =>
    plainDecimal(typeof value === 'string' ? value : (value as { toFixed(): string }).toFixed()),
  parse: (given) => (/^-?\d{1,200}(\.\d{1,200})?$/.test(given) ? plainDecimal(given) : null),
  sql: (column) => `trim_scale(${column})::text`,
  cast: 'numeric',
};

const boolean: KeyPart = {
  ...text,
  parse: (given) => (given === 'true' || given === 'false' ? given : null),
  value: (part) => part === 'true',
  cast: 'boolean',
};

const uuid: KeyPart = {
  ...text,
  encode: (value) => String(value).toLowerCase(),
  parse: (given) =>
    /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(given) ? given.toLowerCase() : null,
  cast: 'uuid',
  fromSql: (part) => `${part}::uuid`,
};

const bytes: KeyPart = {
  ...text,
  encode: (value) => Buffer.from(value as Uint8Array).toString('hex'),
  parse: (given) => (/^([0-9a-f]{2})*$/i.test(given) ? given.toLowerCase() : null),
  value: (part) => Uint8Array.from(Buffer.from(part, 'hex')),
  input: (part) => `\\x${part}`,
  sql: (column) => `encode(${column}, 'hex')`,
  cast: 'bytea',
};

const inet: KeyPart = {
  ...text,
  parse: (given) =>
    /^[^/]+(\/\d{1,3})?$/.test(given) && isIP(given.split('/')[0] ?? '') !== 0 && maskFits(given)
      ? given
      : null,
  // A cast to text would write the mask of a single host too.
  sql: (column) => `format('%s', ${column})`,
  cast: 'inet',
  isLoose: true,
};

function maskFits(given: string): boolean {
  const [host = '', mask = '0'] = given.split('/');
  return Number(mask) <= (isIP(host) === 4 ? 32 : 128);
}

function limited(length: number, part: KeyPart): KeyPart {
  return { ...part, parse: (given) => ([...given].length > length ? null : part.parse(given)) };
}

// character(n) is padded with spaces that mean nothing.
const character: KeyPart = {
  ...text,
  encode: (value) => String(value).replace(/ +$/, ''),
  parse: (given) => (given.endsWith(' ') ? null : text.parse(given)),
  cast: 'bpchar',
};

function bits(sqlType: string, fits: (length: number) => boolean): KeyPart {
  return {
    ...text,
    parse: (given) => (/^[01]*$/.test(given) && fits(given.length) ? given : null),
    cast: sqlType,
  };
}

const timestamps = {
  date: {
    format: 'YYYY-MM-DD',
    cut: (iso: string) => iso.slice(0, 10),
    full: (part: string) => `${part}T00:00:00.000Z`,
  },
  time: {
    format: 'HH24:MI:SS.MS',
    cut: (iso: string) => iso.slice(11, 23),
    full: (part: string) => `1970-01-01T${part}Z`,
  },
  timestamp: {
    format: 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"',
    cut: (iso: string) => iso,
    full: (part: string) => part,
  },
};

function timestamp(kind: keyof typeof timestamps, sqlType: string): KeyPart {
  const { format, cut, full } = timestamps[kind];
  const zone = sqlType === 'timestamptz' ? ` at time zone 'UTC'` : '';
  const encode = (value: unknown) => cut(new Date(value as Date).toISOString());
  return {
    ...text,
    encode,
    parse(given) {
      const date = new Date(full(given));
      return Number.isNaN(date.getTime()) || encode(date) !== given ? null : given;
    },
    value: (part) => new Date(full(part)),
    sql: (column) =>
      kind === 'time'
        ? `to_char('epoch'::date + ${column}, '${format}')`
        : `to_char(${column}${zone}, '${format}')`,
    cast: sqlType,
  };
}

function choice({ sqlType, enumValues }: FieldMeta): KeyPart {
  const values = enumValues ?? [];
  return {
    ...text,
    encode: (value) => values.find(({ name }) => name === value)?.dbName ?? String(value),
    parse: (given) => (values.some(({ dbName }) => dbName === given) ? given : null),
    value: (part) => values.find(({ dbName }) => dbName === part)?.name,
    cast: sqlType as string,
  };
}

/** A text that is equal to no other. */
function exact({ isLoose }: FieldMeta, part: KeyPart): KeyPart {
  return isLoose ? part : { ...part, fromSql: (sql) => `${sql} collate pg_catalog."default"` };
}

/**
 * How a field takes part in a key; null where it cannot: floating point, JSON, money, and times
 * finer than the thousandths of a second that JavaScript's dates hold, which would address another
 * record, or none.
 */
export function keyPartOf(field: FieldMeta): KeyPart | null {
  if (field.isList || !field.sqlType) return null;
  if (field.kind === 'enum') return choice(field);
  if (/^[^.]+\.citext$/.test(field.sqlType)) return { ...text, cast: field.sqlType, isLoose: true };
  const [, base = '', size] = /^([a-z ]+)(?:\((\d+)[^)]*\))?$/.exec(field.sqlType) ?? [];
  const length = size === undefined ? Number.POSITIVE_INFINITY : Number(size);
  switch (base) {
    case 'smallint':
      return integer(base, -(2n ** 15n), 2n ** 15n - 1n, Number);
    case 'integer':
      return integer(base, -(2n ** 31n), 2n ** 31n - 1n, Number);
    case 'bigint':
      return integer(base, -(2n ** 63n), 2n ** 63n - 1n, BigInt);
    case 'oid':
      return integer(base, 0n, 2n ** 32n - 1n, Number);
    case 'numeric':
      return decimal;
    case 'boolean':
      return boolean;
    case 'uuid':
      return uuid;
    case 'bytea':
      return bytes;
    case 'text':
      return exact(field, text);
    case 'varchar':
      return limited(length, exact(field, text));
    case 'character':
      return limited(size === undefined ? 1 : length, character);
    case 'citext':
      return { ...text, cast: 'citext', isLoose: true };
    case 'inet':
      return inet;
    case 'bit':
      return bits(field.sqlType, (given) => given === (size === undefined ? 1 : length));
    case 'varbit':
      return bits('varbit', (given) => given <= length);
    case 'date':
      return timestamp('date', base);
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return length <= 3 ? timestamp(base === 'time' ? 'time' : 'timestamp', base) : null;
    default:
      return null;
  }
}
