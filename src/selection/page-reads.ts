import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { idFieldsOf } from '../metadata/model-fields.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';

/** One thing that a page's statement reads of a record. */
export type PageRead =
  /** A column of its own. */
  | { kind: 'own'; meta: FieldMeta; isWhole: boolean }
  /** A column of the one related record. */
  | { kind: 'far'; through: ResourceField; meta: FieldMeta; isWhole: boolean }
  /** The related record's title. */
  | { kind: 'title'; through: ResourceField }
  /** Keys and titles of many related records. */
  | { kind: 'titles'; through: ResourceField };

/** What the columns of a list need, each once, by a name. */
export function readsOf({ model, metadata, titleField, columns }: Resource): Map<string, PageRead> {
  const reads = new Map<string, PageRead>();
  for (const name of model.idFields) own(model.fields[name], true);
  own(model.fields[titleField], false);
  for (const { field, through, computed } of columns) {
    for (const name of computed?.needs ?? []) own(model.fields[name], true);
    if (!field) continue;
    if (through) far(through, field.meta, isWholly(field));
    else if (field.relation) related(field, metadata.models[field.relation.model]);
    else own(field.meta, isWholly(field));
  }
  return reads;

  function own(meta: FieldMeta | undefined, isWhole: boolean): void {
    if (!meta?.column) return;
    const known = reads.get(ownName(meta));
    reads.set(ownName(meta), {
      kind: 'own',
      meta,
      isWhole: isWhole || (known?.kind === 'own' && known.isWhole),
    });
  }

  function far(through: ResourceField, meta: FieldMeta, isWhole: boolean): void {
    const known = reads.get(farName(through, meta));
    reads.set(farName(through, meta), {
      kind: 'far',
      through,
      meta,
      isWhole: isWhole || (known?.kind === 'far' && known.isWhole),
    });
  }

  function related(through: ResourceField, other: ModelMeta | undefined): void {
    own(through.meta, true);
    if (through.relation?.kind !== 'to-one') {
      reads.set(titleName(through), { kind: 'titles', through });
      return;
    }
    reads.set(titleName(through), { kind: 'title', through });
    for (const id of other ? idFieldsOf(other) : []) far(through, id, true);
  }
}

// The project's own code is given values, not their beginnings.
export function isWholly({ kind, format, link }: ResourceField): boolean {
  return kind !== null || format !== null || link !== null;
}

type Named = Pick<FieldMeta, 'name'>;

export const ownName = ({ name }: Named): string => name;
export const farName = (through: Named, { name }: Named): string => `${through.name}.${name}`;
export const titleName = ({ name }: Named): string => `${name}.`;
