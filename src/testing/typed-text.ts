import type { ResourceField } from '../resources/contract.ts';

const texts: Readonly<Record<string, (n: number) => string>> = {
  uuid: (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  inet: (n) => `10.9.8.${n}`,
  xml: (n) => `<a>${n}</a>`,
  'bit(4)': (n) => n.toString(2).padStart(4, '0').slice(-4),
  'bit(6)': (n) => n.toString(2).padStart(6, '0').slice(-6),
  'varbit(8)': (n) => n.toString(2),
};

/** What a person could type into the control of a field; another text for another number. */
export function typedText(field: ResourceField, n: number): string {
  const { type, sqlType, isList } = field.meta;
  if (isList) return '';
  if (field.enum) return field.enum.values[n % field.enum.values.length]?.name ?? '';
  const size = Number(/\((\d+)/.exec(sqlType ?? '')?.[1] ?? 1_000);
  switch (type) {
    case 'String':
      return texts[sqlType ?? '']?.(n) ?? `${n}ü%_\\"'<`.slice(0, size);
    case 'Int':
    case 'BigInt':
      return String(n);
    case 'Float':
    case 'Decimal':
      return `${n}.5`;
    case 'Boolean':
      return 'true';
    case 'Json':
      return `{"n":${n}}`;
    case 'DateTime':
      return timestampText(sqlType ?? '', n % 40);
    default:
      return '';
  }
}

function timestampText(sqlType: string, n: number): string {
  if (sqlType === 'date') return `2031-${n % 2 ? '01' : '02'}-${10 + (n % 15)}`;
  const time = `12:00:${10 + n}`;
  return /^time(tz)?\b/.test(sqlType) ? time : `2031-01-01T${time}`;
}
