import type { Principal } from '../auth/principal.ts';
import { keyToUrl } from '../metadata/keys.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import type { RelatedRecord } from './related.ts';
import { readTitled } from './titled.ts';
import { buildWhere } from './where.ts';

/** The record that has these values, of those that the principal may see. */
export async function findHolding(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  values: ReadonlyMap<ResourceField, unknown>,
): Promise<RelatedRecord | null> {
  const { model } = resource;
  if (values.size === 0) return null;
  const where: Where = {
    AND: [
      buildWhere(resource, principal, ''),
      ...[...values].map(([{ meta }, value]) => ({ [meta.name]: value })),
    ],
  };
  const [found] = await readTitled(registry, { resource, where, limit: 1 });
  return found
    ? { id: keyToUrl(model, found.key), title: found.title || keyToUrl(model, found.key) }
    : null;
}
