import { columnOf, type PulledBlock } from './pulled-text.ts';
import type { Catalog, FoundTable } from './read-catalog.ts';

/** Prisma writes names into its SQL as they are: a quotation mark within one ends it. */
export const isSpeakable = (name: string) => !name.includes('"');

/** Can any statement of Prisma's name the table? */
export function isTableSpeakable({ schema, name }: Pick<FoundTable, 'schema' | 'name'>): boolean {
  return isSpeakable(schema) && isSpeakable(name);
}

/**
 * Leaves alone what Prisma cannot name: such a column is of a type that it does not know; a table
 * that has one in its key, or in a relation, is taken out.
 */
export function withoutQuotedNames(models: PulledBlock[]): PulledBlock[] {
  const quoted = new Map(
    models.map((model) => [
      model.name,
      new Set(
        model.fields.filter((field) => !isSpeakable(columnOf(field))).map(({ name }) => name),
      ),
    ]),
  );
  const names = (list: string | undefined, of: string | undefined) =>
    (list ?? '')
      .split(',')
      .some((name) => quoted.get(of ?? '')?.has(name.trim().replace(/\(.*/, '')));
  const lost = new Set<string>();
  for (const { name, fields, attributes } of models) {
    const own = quoted.get(name);
    if (fields.some((field) => own?.has(field.name) && /(?<!@)@id\b/.test(field.rest)))
      lost.add(name);
    if (attributes.some((one) => names(/^@@id\(\[(.*?)\]/.exec(one)?.[1], name))) lost.add(name);
    for (const { type, rest } of fields) {
      const other = type.replace(/\[\]|\?/g, '');
      if (names(/\bfields: \[(.*?)\]/.exec(rest)?.[1], name)) lost.add(name);
      if (names(/\breferences: \[(.*?)\]/.exec(rest)?.[1], other)) lost.add(other);
    }
  }
  for (const model of models) {
    const own = quoted.get(model.name);
    model.attributes = model.attributes.filter(
      (one) => !names(/^@@(?:unique|index)\(\[(.*?)\]/.exec(one)?.[1], model.name),
    );
    model.fields = model.fields.map((field) => (own?.has(field.name) ? unspoken(field) : field));
  }
  return models.filter(({ name }) => !lost.has(name));
}

/** With its name alone; `?` and `[]` are kept, since a required one keeps records from being made. */
export function unspoken<F extends { type: string; rest: string }>(field: F): F {
  const [, ending = ''] = /(\?|\[\])?$/.exec(field.type) ?? [];
  const map = /(?<![@\w])@map\("(?:[^"\\]|\\.)*"\)/.exec(field.rest)?.[0] ?? '';
  const isGiven = /(?<![@\w])@default\(/.test(field.rest);
  const type = `Unsupported("text")${ending || (isGiven ? '?' : '')}`;
  return { ...field, type, rest: map };
}

/** What is left alone for its name, for the line of a start. */
export function quotedNames({ tables }: Catalog): string[] {
  return tables
    .filter(({ isReadable }) => isReadable)
    .flatMap((table) => {
      const place = `${table.schema}.${table.name}`;
      if (!isTableSpeakable(table)) return [place];
      return table.columns
        .filter(({ name }) => !isSpeakable(name))
        .map(({ name }) => `${place}.${name}`);
    });
}
