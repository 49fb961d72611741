import type { Catalog } from './read-catalog.ts';

const isPlain = /^[A-Za-z]\w*$/;

/** Names that neither a model nor an enum of Prisma's may have. */
const reserved = new Set(
  `PrismaClient Record Partial Prisma String Boolean Int Float DateTime Json Bytes Decimal BigInt async await break
  case catch class const continue debugger default delete do else enum export extends false finally for function if implements
  import in instanceof interface let new null package private protected public return static super switch this throw true try
  typeof using var void while with yield`.split(/\s+/),
);

/**
 * The start of a schema that gives names to what Prisma's introspection leaves without one, or
 * gives the same name twice: it keeps those that it finds. Its types are of no account.
 */
export function namesFor({ tables, enums }: Catalog): string {
  const owned = [
    ...tables.filter(({ kind }) => kind === 'table').map((table) => ({ ...table, values: null })),
    ...enums.map((kind) => ({ ...kind, columns: [] })),
  ];
  const names = ownNames(owned);
  const isTwice = (wanted: string) => owned.filter(({ name }) => name === wanted).length > 1;
  return owned
    .flatMap((one, index) => {
      const { schema, name, values } = one;
      const own = names[index] as string;
      const given = values ?? one.columns.map((column) => column.name);
      const parts = plainNames(given, values ? 'value' : 'column');
      const isPlain = own === name && given.every((part, at) => part === parts[at]);
      if (isPlain && !isTwice(name)) return [];
      const lines = given.flatMap((part, at) =>
        values || parts[at] !== part
          ? [`  ${parts[at]}${values ? '' : ' String'} @map(${quoted(part)})`]
          : [],
      );
      const id = `  ${freeName('id', new Set([...given, ...parts]))} Int @id`;
      return [
        [
          `${values ? 'enum' : 'model'} ${own} {`,
          ...(values ? lines : [id, ...lines]),
          ...(own === name ? [] : [`  @@map(${quoted(name)})`]),
          `  @@schema(${quoted(schema)})`,
          '}',
        ].join('\n'),
      ];
    })
    .join('\n\n');
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** In the same order; of equal names, that in `public` stays and the others say where they are. */
function ownNames(owned: readonly Named[]): string[] {
  const taken = new Set<string>();
  const own = new Map<Named, string>();
  const rank = ({ schema, name }: Named) => [
    blockName(name, new Set(), '') === name ? 0 : 1,
    schema === 'public' ? 0 : 1,
  ];
  const inTurn = [...owned].sort((one, other) => {
    const [first, second] = [rank(one), rank(other)];
    return (first[0] ?? 0) - (second[0] ?? 0) || (first[1] ?? 0) - (second[1] ?? 0);
  });
  for (const one of inTurn) own.set(one, nameOfBlock(one, taken, 'table'));
  return owned.map((one) => own.get(one) as string);
}

/** Takes the name: its own, with its Postgres schema where that is taken, else a number. */
export function nameOfBlock(
  { schema, name }: Named,
  taken: Set<string>,
  otherwise: string,
): string {
  const wanted = blockName(name, new Set(), otherwise);
  const placed = blockName(`${schema}_${wanted}`, new Set(), otherwise);
  let found = wanted;
  for (let number = 1; taken.has(asDelegate(found)); number++)
    found = number === 1 ? placed : `${placed}_${number}`;
  taken.add(asDelegate(found));
  return found;
}

// The client has `Order` and `order` both as `order`.
export function asDelegate(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** Names that Prisma takes, each once, in the same order. */
export function plainNames(names: readonly string[], otherwise: string): string[] {
  const taken = new Set(names);
  return names.map((name) => plainName(name, taken, otherwise));
}

/** The same for a model, a view or an enum: `class` is `Class`. */
function blockName(name: string, taken: Set<string>, otherwise: string): string {
  const plain = plainName(name, taken, otherwise);
  if (!reserved.has(plain)) return plain;
  const capital = plain.charAt(0).toUpperCase() + plain.slice(1);
  return plainName(reserved.has(capital) ? `${plain}_` : capital, taken, otherwise);
}

/** A name that Prisma takes, near to the one that the database has. */
function plainName(name: string, taken: Set<string>, otherwise: string): string {
  if (isPlain.test(name)) {
    taken.add(name);
    return name;
  }
  const near = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const wanted = /^[A-Za-z]/.test(near) ? near : [otherwise, near].filter(Boolean).join('_');
  const free = freeName(wanted, taken);
  taken.add(free);
  return free;
}

/** Itself, or with the first number that makes it another. */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`;
  return name;
}

/** As a schema writes a text. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
