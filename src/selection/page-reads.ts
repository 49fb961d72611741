import type { FieldMeta } from '../metadata/contract.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';

/** One thing that a page's statement reads of a record. */
export type Read =
  /** A column of its own. */
  | { kind: 'own'; meta: FieldMeta }
  /** The titles and keys of related records. */
  | { kind: 'related'; through: ResourceField }
  /** A column of the one related record. */
  | { kind: 'path'; through: ResourceField; field: ResourceField };

/** Titles of a many-to-many field that a record of a list carries; one more says that there are more. */
export const mostTitles = 10;

/** What the columns of a list need, each once, by a name. */
export function readsOf({ model, titleField, columns }: Resource): Map<string, Read> {
  const reads = new Map<string, Read>();
  own(model.fields[titleField]);
  for (const { field, through, computed } of columns) {
    for (const name of computed?.needs ?? []) own(model.fields[name]);
    if (!field) continue;
    if (through) reads.set(pathName(through, field), { kind: 'path', through, field });
    else {
      own(field.meta);
      if (field.relation) reads.set(relatedName(field), { kind: 'related', through: field });
    }
  }
  return reads;

  function own(meta: FieldMeta | undefined): void {
    if (meta?.column) reads.set(ownName(meta), { kind: 'own', meta });
  }
}

export const ownName = ({ name }: Pick<FieldMeta, 'name'>): string => name;
export const relatedName = ({ name }: ResourceField): string => `${name}.`;
export const pathName = (through: ResourceField, { name }: ResourceField): string => `${through.name}.${name}`;
