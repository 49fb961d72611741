import type { FieldKind } from './contract.ts';
import { relationOperators } from './operators/relations.ts';
import { scalarKind } from './scalar-kind.ts';

/** The related record as the list query selects it: `{ id, title }`. */
export interface ListedRelation {
  id: string;
  title: string;
  /** It is not the principal's to see: its title is its id, and nothing leads to it. */
  isHidden?: boolean;
}

/** A foreign key, shown as the record it points at. */
export const toOne: FieldKind = {
  name: 'to-one',
  input: 'relation',
  filter: 'relation',
  isSortable: true,
  isSearchable: false,
  format(value, field) {
    const related = value as ListedRelation | null | undefined;
    if (!related) return { text: '', align: 'start' };
    const cell = { text: related.title, align: 'start' as const };
    return related.isHidden
      ? cell
      : { ...cell, link: { model: field.relation?.model as string, id: related.id } };
  },
  toForm: (value) => (value === null || value === undefined ? '' : String(value)),
  parse: (input, field) => scalarKind(field.meta).parse(input, field),
  toSql: (value, field) => scalarKind(field.meta).toSql(value, field),
  fromText: (text, field) => scalarKind(field.meta).fromText(text, field),
  operators: relationOperators,
};
