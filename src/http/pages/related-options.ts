import type { Principal } from '../../auth/principal.ts';
import { keyOf, keyToUrl } from '../../metadata/keys.ts';
import { delegateOf } from '../../resources/delegate.ts';
import type { Register, Resource, ResourceField } from '../../resources/contract.ts';
import { buildWhere } from '../../selection/where.ts';

export interface RelatedOption {
  value: string;
  label: string;
}

/** More than this many are not offered as a list. */
export const mostOffered = 500;

/** The records a relation may lead to, by title, in the principal's scope; null when there are too many to offer. */
export async function listRelated(
  register: Register,
  resource: Resource,
  principal: Principal,
  field: ResourceField,
): Promise<RelatedOption[] | null> {
  const related = field.relation ? resource.related(field.relation.model) : null;
  if (!related) return null;
  const { model, titleField: title } = related;
  const rows = await delegateOf(register.client, model).findMany({
    where: buildWhere(related, principal, ''),
    select: Object.fromEntries([...model.idFields, title].map((name) => [name, true])),
    orderBy: { [title]: 'asc' },
    take: mostOffered + 1,
  });
  if (rows.length > mostOffered) return null;
  return rows.map((row) => ({ value: keyToUrl(model, keyOf(model, row)), label: String(row[title] ?? '') }));
}
