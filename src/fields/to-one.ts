import type { FieldKind } from './contract.ts';
import { relationOperators } from './operators/relations.ts';
import { scalarKind } from './scalar-kind.ts';

/** The related record as the list query selects it: `{ id, title }`. */
export interface RelatedRecord {
  id: string;
  title: string;
}

/** A foreign key, shown as the record it points at. */
export const toOne: FieldKind = {
  name: 'to-one',
  input: 'relation',
  filter: 'relation',
  isSortable: true,
  isSearchable: false,
  format(value, field) {
    const related = value as RelatedRecord | null | undefined;
    if (!related) return { text: '', align: 'start' };
    return { text: related.title, align: 'start', link: { model: field.relation?.model as string, id: related.id } };
  },
  toForm: (value) => (value === null || value === undefined ? '' : String(value)),
  parse: (input, field) => scalarKind(field.meta).parse(input, field),
  toSql: (value, field) => scalarKind(field.meta).toSql(value, field),
  operators: relationOperators,
};
