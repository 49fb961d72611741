import { keyToUrl } from '../metadata/keys.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import type { Column, Resource, ResourceField } from '../resources/contract.ts';
import { mostTitles, ownName, pathName, relatedName } from './page-reads.ts';

/** A record as pages show it: values by name of field or column, related records as `{ id, title }`. */
export interface ListedRecord {
  key: string;
  title: string;
  values: Record<string, unknown>;
  /** Where values of computed columns lead to. */
  links: Record<string, string | null>;
}

/** A record of a page's statement; `read` gives what it read by name, as Prisma's raw queries give it. */
export function listedRow(resource: Resource, key: string, read: (name: string) => unknown): ListedRecord {
  const { model, titleField, columns } = resource;
  const own = (meta: FieldMeta) => typed(resource, meta, read(ownName(meta)));
  const title = model.fields[titleField];
  const record: ListedRecord = { key, title: String((title?.column ? own(title) : null) ?? ''), values: {}, links: {} };
  for (const column of columns) addColumn(column);
  return record;

  function addColumn({ name, field, through, computed }: Column): void {
    if (computed) {
      const needed = Object.fromEntries(computed.needs.map((need) => [need, own(model.fields[need] as FieldMeta)]));
      record.values[name] = computed.value(needed);
      record.links[name] = computed.link(needed);
    } else if (field && through) record.values[name] = typed(resource, field.meta, read(pathName(through, field)));
    else if (field?.relation) addRelated(field);
    else if (field) record.values[name] = field.meta.column ? own(field.meta) : null;
  }

  function addRelated(field: ResourceField): void {
    const { name, meta, relation } = field;
    const found = read(relatedName(field)) ?? null;
    const related = resource.metadata.models[relation?.model ?? ''];
    const named = ([key, title]: readonly (string | null)[]) => {
      const id = related && key ? keyToUrl(related, key) : '';
      return { id, title: title ?? id };
    };
    if (relation?.kind !== 'to-one') {
      const all = ((found ?? []) as (string | null)[][]).map(named);
      record.values[name] = all.length > mostTitles ? [...all.slice(0, mostTitles), { id: '', title: '…' }] : all;
      return;
    }
    const key = meta.column ? own(meta) : null;
    // One that may not be seen is still known by what the record itself holds.
    record.values[name] = found ? named(found as (string | null)[]) : key === null ? null : { id: String(key), title: String(key) };
    if (meta.name !== name) record.values[meta.name] = key;
  }
}

/** A raw value as Prisma's own reads give it: enums by their names, and oids as numbers. */
function typed({ metadata }: Resource, { kind, type }: FieldMeta, value: unknown): unknown {
  if (type === 'Int' && typeof value === 'bigint') return Number(value);
  if (kind !== 'enum' || value === null || value === undefined) return value ?? null;
  const named = (dbName: unknown) => metadata.enums[type]?.values.find((one) => one.dbName === dbName)?.name ?? dbName;
  return Array.isArray(value) ? value.map(named) : named(value);
}
