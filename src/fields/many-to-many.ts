import type { FieldKind } from './contract.ts';
import { relationOperators } from './operators/relations.ts';

/**
 * Records linked through a join table, shown by their titles; a value is the list of their ids as
 * text.
 */
export const manyToMany: FieldKind = {
  name: 'many-to-many',
  input: 'relations',
  filter: null,
  isSortable: false,
  isSearchable: false,
  format(value) {
    const related = (value ?? []) as readonly { title: string }[];
    return { text: related.map(({ title }) => title).join(', '), align: 'start' };
  },
  toForm: (value) => ((value ?? []) as readonly unknown[]).map(idOf),
  parse(input, field) {
    const given = (typeof input === 'string' ? [input] : (input ?? [])).filter((id) => id !== '');
    if (given.some((id) => id.includes('\0') || id.length > 500))
      return { error: `${field.label} has an id that cannot be.` };
    return { value: [...new Set(given)] };
  },
  toSql: (value) => [...(value as readonly string[])],
  fromText: (text) =>
    (JSON.parse(text) as unknown[]).map((id) => (typeof id === 'string' ? id : JSON.stringify(id))),
  operators: relationOperators,
};

/** Code gives ids alone. */
function idOf(related: unknown): string {
  return typeof related === 'object' && related !== null && 'id' in related
    ? String(related.id)
    : String(related);
}
