import { isIP } from 'node:net';
import type { FieldKind, ResourceField } from './contract.ts';
import { required, single } from './input.ts';
import { nullness } from './operators/empty.ts';
import { equality } from './operators/equality.ts';

/** The one form of a text, or null where the column cannot hold it. */
type ReadText = (text: string, field: ResourceField) => string | null;

/**
 * A kind whose values are texts that Postgres keeps in a form of its own, so that no pattern finds
 * parts of them.
 */
function specialText(name: string, must: string, read: ReadText): FieldKind {
  const readTyped = (given: string, field: ResourceField) => {
    const value = read(given.trim(), field);
    return value === null ? { error: `${field.label} must be ${must}.` } : { value };
  };
  const isOrNot = equality(readTyped);
  return {
    name,
    input: 'text',
    filter: null,
    isSortable: true,
    isSearchable: false,
    format: (value) => ({
      text: value === null || value === undefined ? '' : String(value),
      align: 'start',
    }),
    toForm: (value) => (value === null || value === undefined ? '' : String(value)),
    parse(input, field) {
      const given = single(input);
      return given === null ? required(field) : readTyped(given, field);
    },
    toSql: (value) => (value === null ? null : String(value)),
    fromText: (text) => text,
    operators: (field) => [...isOrNot, ...nullness(field)],
  };
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const uuid = specialText(
  'uuid',
  'a UUID such as 6f9619ff-8b86-4011-b42d-00cf4fc964ff',
  (text) => (uuidForm.test(text) ? text.toLowerCase() : null),
);

export const network = specialText(
  'network',
  'an address such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::1',
  (text) => {
    const [address = '', bits, ...more] = text.split('/');
    const version = address.includes('%') ? 0 : isIP(address);
    const isMask =
      bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
    return version !== 0 && isMask && more.length === 0 ? text.toLowerCase() : null;
  },
);

/** Of one length (`bit(4)`), or up to one (`varbit(8)`). */
export const bits = specialText('bits', 'zeros and ones, as many as it holds', (text, { meta }) => {
  const [, type, length] = /^(bit|varbit)(?:\((\d+)\))?/.exec(meta.sqlType ?? '') ?? [];
  const max = length ? Number(length) : type === 'bit' ? 1 : Number.POSITIVE_INFINITY;
  const fits = type === 'bit' ? text.length === max : text.length <= max;
  return /^[01]+$/.test(text) && fits ? text : null;
});
