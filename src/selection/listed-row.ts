import { plainValue, rawValue } from '../fields/column-value.ts';
import { limits } from '../limits.ts';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { keyOf, keyToUrl } from '../metadata/keys.ts';
import { idFieldsOf } from '../metadata/model-fields.ts';
import type { Column, Resource, ResourceField } from '../resources/contract.ts';
import { titleText } from './cut.ts';
import { farName, ownName, titleName } from './page-reads.ts';

/**
 * A record as pages show it: values by name of field or column, related records as `{ id, title }`.
 */
export interface ListedRecord {
  key: string;
  title: string;
  values: Record<string, unknown>;
  /** Where values of computed columns lead to. */
  links: Record<string, string | null>;
}

/**
 * A record of a page's statement; `read` gives what it read by name, as Prisma's raw queries give
 * it.
 */
export function listedRow(resource: Resource, read: (name: string) => unknown): ListedRecord {
  const { model, titleField, columns } = resource;
  const own = (meta: FieldMeta | undefined) =>
    meta?.column ? rawValue(meta, read(ownName(meta))) : null;
  const plain = (meta: FieldMeta | undefined) => (meta ? plainValue(meta, own(meta)) : null);
  const ids = Object.fromEntries(model.idFields.map((name) => [name, own(model.fields[name])]));
  const record: ListedRecord = {
    key: keyOf(model, ids),
    title: titleText(own(model.fields[titleField])),
    values: {},
    links: {},
  };
  for (const column of columns) addColumn(column);
  return record;

  function addColumn({ name, field, through, computed }: Column): void {
    if (computed) {
      const needed = Object.fromEntries(
        computed.needs.map((need) => [need, plain(model.fields[need])]),
      );
      record.values[name] = computed.value(needed);
      record.links[name] = computed.link(needed);
    } else if (field && through)
      record.values[name] = rawValue(field.meta, read(farName(through, field.meta)));
    else if (field?.relation) addRelated(field);
    else if (field) record.values[name] = own(field.meta);
  }

  function addRelated(field: ResourceField): void {
    const { name, meta, relation } = field;
    const other = resource.metadata.models[relation?.model ?? ''];
    if (relation?.kind !== 'to-one') {
      const all = ((read(titleName(field)) ?? []) as [string, string | null][]).map(
        ([key, title]) => relatedRecord(other, key, title),
      );
      record.values[name] =
        all.length > limits.shown.cellLinks
          ? [...all.slice(0, limits.shown.cellLinks), { id: '', title: '…' }]
          : all;
      return;
    }
    const held = own(meta);
    const otherIds = Object.fromEntries(
      (other ? idFieldsOf(other) : []).map((id) => [
        id.name,
        rawValue(id, read(farName(field, id))),
      ]),
    );
    const isFound = Object.values(otherIds).some((value) => value !== null);
    // One that may not be seen is still known by what the record itself holds.
    const known = held === null ? null : { id: String(held), title: String(held) };
    record.values[name] =
      other && isFound
        ? relatedRecord(other, keyOf(other, otherIds), read(titleName(field)) as string | null)
        : known;
    if (meta.name !== name) record.values[meta.name] = held;
  }
}

function relatedRecord(
  model: ModelMeta | undefined,
  key: string,
  title: string | null,
): { id: string; title: string } {
  const id = model ? keyToUrl(model, key) : key;
  return { id, title: title === null ? id : titleText(title) };
}
