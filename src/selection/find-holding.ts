import type { Principal } from '../auth/principal.ts';
import { keyOf, keyToUrl } from '../metadata/keys.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { Client, Resource, ResourceField } from '../resources/contract.ts';
import type { RelatedRecord } from './related.ts';
import { buildWhere } from './where.ts';

/** The record that has these values, of those that the principal may see. */
export async function findHolding(
  client: Client,
  resource: Resource,
  principal: Principal,
  values: ReadonlyMap<ResourceField, unknown>,
): Promise<RelatedRecord | null> {
  const { model, titleField } = resource;
  if (values.size === 0) return null;
  const row = await delegateOf(client, model).findFirst({
    where: { AND: [buildWhere(resource, principal, ''), ...[...values].map(([{ meta }, value]) => ({ [meta.name]: value }))] },
    select: Object.fromEntries([...model.idFields, titleField].map((name) => [name, true])),
  });
  if (!row) return null;
  const id = keyToUrl(model, keyOf(model, row));
  return { id, title: String(row[titleField] ?? '') || id };
}
