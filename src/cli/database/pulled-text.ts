import { blocksOf } from '../../metadata/schema-text.ts';

/** A block of an introspected schema, in parts that can be altered one by one. */
export interface PulledBlock {
  readonly kind: string;
  name: string;
  fields: PulledField[];
  /** `@@id([a, b])` and the like. */
  attributes: string[];
}

export interface PulledField {
  /** Empty where introspection has found none. */
  name: string;
  /** `String`, with `?` or `[]`; empty for the value of an enum. */
  type: string;
  /** What follows the type. */
  rest: string;
}

/** Reads the models and enums; what Prisma says about them in comments is for its own users. */
export function parsePulled(text: string): PulledBlock[] {
  return blocksOf(text)
    .filter(({ kind }) => kind === 'model' || kind === 'enum')
    .map(({ kind, name, start, end }) => {
      const lines = text
        .slice(text.indexOf('{', start) + 1, end - 1)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('///'))
        // A name that Prisma does not take puts its field into a comment.
        .map((line) => line.replace(/^\/\/\s*/, ''));
      const [attributes, fields] = [true, false].map((isAttribute) =>
        lines.filter((line) => line.startsWith('@@') === isAttribute),
      ) as [string[], string[]];
      return { kind, name, attributes, fields: fields.map((line) => fieldOf(kind, line)) };
    });
}

function fieldOf(kind: string, line: string): PulledField {
  if (kind === 'enum') {
    const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
    return { name, type: '', rest };
  }
  const [, nameless = '', ending = ''] = /^(\w+(?:\[\]|\?)?)\s*((?:@.*)?)$/s.exec(line) ?? [];
  if (nameless !== '') return { name: '', type: nameless, rest: ending };
  const [, name = '', type = '', rest = ''] =
    /^(\w+)\s+(Unsupported\("(?:[^"\\]|\\.)*"\)(?:\[\]|\?)?|\S+)\s*(.*)$/s.exec(line) ?? [];
  return { name, type, rest };
}

/** The model that a field's type names, whether one or a list. */
export function typeName({ type }: PulledField): string {
  return type.replace(/\[\]|\?/g, '');
}

/** What a block or a field is called in the database. */
export function mappedName({ name, attributes }: PulledBlock): string {
  return textOf(attributes.join('\n'), '@@map') ?? name;
}

export function schemaNameOf({ attributes }: PulledBlock): string {
  return textOf(attributes.join('\n'), '@@schema') ?? '';
}

export function columnOf({ name, rest }: PulledField): string {
  return textOf(rest, '@map') ?? name;
}

function textOf(text: string, attribute: string): string | null {
  const found = new RegExp(`(?<![@\\w])${attribute}\\(("(?:[^"\\\\]|\\\\.)*")\\)`).exec(text)?.[1];
  return found === undefined ? null : (JSON.parse(found) as string);
}
