import type { Principal } from '../auth/principal.ts';
import { readerOf } from '../fields/reader.ts';
import type { Column, FieldGroup, Resource, ResourceField } from './contract.ts';
import { sortFieldOf } from './guesses.ts';

export interface RelatedResources {
  /** Which resource shows this principal records of a model; null: none does. */
  openTo(model: string): Resource | null;
  /** The same, narrowed in its turn. */
  related: Resource['related'];
}

/**
 * A resource as one principal sees it. Every list of fields is without those that may not be seen,
 * also lists that this file has never heard of; what can be changed is without those that may not
 * be changed.
 */
export function narrowResource(
  resource: Resource,
  principal: Principal,
  around: RelatedResources,
): Resource {
  const openTo = memo(around.openTo);
  const hidden = new Set(
    resource.fields.filter(
      (field) => !allows(resource.canSee, principal, field) || (isMany(field) && isClosed(field)),
    ),
  );
  const fixed = new Set(
    [...resource.fields, ...resource.secrets].filter(
      (field) => !allows(resource.canChange, principal, field) || isClosed(field),
    ),
  );
  const granted = resource.permissions(principal);
  const narrowed = Object.fromEntries(
    Object.entries(resource).map(([name, value]) => [name, withoutFields(value, hidden)]),
  );
  const titleField = isHidden(resource.titleField) ? fallbackTitle() : resource.titleField;
  return Object.freeze({
    ...resource,
    ...narrowed,
    form: withoutFields(withoutFields(resource.form, hidden), fixed) as Resource['form'],
    formGroups: withoutFields(
      withoutFields(resource.formGroups, hidden),
      fixed,
    ) as Resource['formGroups'],
    columns: resource.columns.filter((column) => !readsHidden(column)),
    bulkFields: withoutFields(
      withoutFields(resource.bulkFields, hidden),
      fixed,
    ) as Resource['bulkFields'],
    titleField,
    reader: readerOf(principal),
    defaultSort: visibleSort(),
    permissions: () => granted,
    related: memo(around.related),
  });

  /** Also through a relation, and by being computed from what is hidden. */
  function readsHidden({ field, through, computed }: Column): boolean {
    if (computed) return computed.needs.some(isHidden);
    return through
      ? isHiddenPath(through.name, (field as ResourceField).meta.name)
      : hidden.has(field as ResourceField);
  }

  function isHiddenPath(first: string, related: string): boolean {
    const field = resource.fields.find(({ name }) => name === first);
    if (!field?.relation || hidden.has(field) || isClosed(field)) return true;
    const owner = openTo(field.relation.model);
    const target = owner?.fields.find(
      ({ name, meta }) => name === related || meta.name === related,
    );
    return owner !== null && !(target && allows(owner.canSee, principal, target));
  }

  function visibleSort(): string {
    const parts = resource.defaultSort.split(',').filter((part) => {
      const [first = '', related] = part.replace(/^-/, '').split('.');
      return related === undefined ? !isHidden(first) : !isHiddenPath(first, related);
    });
    return parts.join(',') || sortFieldOf(resource.model, '');
  }

  /**
   * Its records are administered, but not shown to this principal, who so cannot choose among them.
   */
  function isClosed({ relation }: ResourceField): boolean {
    return (
      relation !== null &&
      resource.related(relation.model) !== null &&
      openTo(relation.model) === null
    );
  }

  function isHidden(name: string): boolean {
    return [...hidden].some((field) => field.name === name || field.meta.name === name);
  }

  // The id is in every address, so it is all that is left to call a record by.
  function fallbackTitle(): string {
    return resource.model.idFields[0] ?? resource.titleField;
  }
}

function isMany({ relation }: ResourceField): boolean {
  return relation !== null && relation.kind !== 'to-one';
}

/** A foreign key has two names, the relation's and its column's; denying either denies both. */
function allows(
  rule: Resource['canSee'],
  principal: Principal,
  { name, meta }: ResourceField,
): boolean {
  return rule(principal, name) && (meta.name === name || rule(principal, meta.name));
}

/**
 * Any value of a resource without these fields: lists of them, and what is made of such lists or is
 * about one field.
 */
function withoutFields(value: unknown, fields: ReadonlySet<ResourceField>): unknown {
  if (Array.isArray(value)) {
    const kept = value
      .filter((item) => !isAbout(item, fields))
      .map((item) => withoutFields(item, fields));
    return Object.freeze(kept);
  }
  if (isGroup(value))
    return Object.freeze({ ...value, fields: withoutFields(value.fields, fields) });
  return value;
}

function isAbout(item: unknown, fields: ReadonlySet<ResourceField>): boolean {
  if (typeof item !== 'object' || item === null) return false;
  return (
    fields.has(item as ResourceField) ||
    fields.has((item as { field?: ResourceField }).field as ResourceField)
  );
}

function isGroup(value: unknown): value is FieldGroup {
  return (
    typeof value === 'object' &&
    value !== null &&
    Array.isArray((value as { fields?: unknown }).fields)
  );
}

function memo<T>(find: (name: string) => T): (name: string) => T {
  const found = new Map<string, T>();
  return (name) => {
    if (!found.has(name)) found.set(name, find(name));
    return found.get(name) as T;
  };
}
