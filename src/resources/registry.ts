import type { Pool } from 'pg';
import type { Principal } from '../auth/principal.ts';
import { type TableNames, tableNames } from '../db/names.ts';
import { notFound } from '../errors.ts';
import { buildResource, type ResourceDefaults } from './build-resource.ts';
import type { Client } from './client.ts';
import type { Resource, ResourceRegistry } from './contract.ts';
import type { ResourceDefinition } from './define-resource.ts';
import type { OnUnreadable } from './grants.ts';
import { titleFieldOf } from './guesses.ts';
import { hasExtensions } from './has-extensions.ts';
import { narrowResource } from './narrow-resource.ts';
import { isDefinition, wellShaped } from './option-shapes.ts';
import { can } from './permissions.ts';
import { Problems } from './problems.ts';
import { markSecrets, withoutSecrets } from './secrets.ts';
import { looseColumns, patternedPool, recordWhereSql } from './where-sql.ts';

/** First segments of URLs that are ours. */
export const reservedSlugs = [
  ...['tasks', 'sign-in', 'sign-out', 'first-admin', 'static'],
  ...['healthz', 'readyz', 'metrics'],
];

/**
 * Builds every resource once at start-up; mistakes stop the start, all of them named: a
 * `DefinitionError`.
 */
export function buildRegistry(
  resources: readonly ResourceDefinition[],
  createClient: (pool: Pool) => Client,
  pool: Pool,
  defaults: ResourceDefaults,
  onUnreadable: OnUnreadable = () => undefined,
  t: TableNames = tableNames('bulkhead'),
): ResourceRegistry {
  const related = (model: string) =>
    list.find((candidate) => candidate.model.name === model) ?? null;
  const problems = new Problems();
  const definitions = markSecrets(
    resources.filter(isDefinition(problems)).map((definition) => wellShaped(definition, problems)),
  );
  const loose = looseColumns(definitions.map(({ metadata }) => metadata));
  const client = createClient(patternedPool(pool, loose));
  const settled = {
    ...defaults,
    writeThrough:
      defaults.writeThrough ?? (hasExtensions(client) ? ('client' as const) : ('sql' as const)),
  };
  const list: readonly Resource[] = definitions.flatMap(
    (definition) => buildResource(definition, settled, { related, onUnreadable, problems }) ?? [],
  );
  const bySlug = new Map<string, (typeof list)[number]>();
  for (const resource of list) {
    const { slug, model } = resource;
    const reason = reservedSlugs.includes(slug)
      ? 'is taken by Bulkhead itself.'
      : /^[a-z0-9][a-z0-9-]*$/.test(slug)
        ? bySlug.has(slug) && 'is used twice.'
        : 'may have small letters, digits and hyphens.';
    if (reason) problems.add(model.name, 'slug', `"${slug}" ${reason}`);
    bySlug.set(slug, resource);
  }
  problems.refuse();
  const clients = new WeakMap<Pool, Client>([[pool, client]]);
  return Object.freeze({
    list,
    pool,
    client,
    clientOver(other: Pool) {
      const known = clients.get(other) ?? createClient(patternedPool(other, loose));
      clients.set(other, known);
      return known;
    },
    whereSql: recordWhereSql(createClient, loose, t),
    get(slug: string) {
      const resource = bySlug.get(slug);
      if (!resource) throw notFound();
      return resource;
    },
    for(principal: Principal, slug: string) {
      const resource = bySlug.get(slug);
      if (!resource || !can(resource, principal, 'list')) throw notFound();
      const narrowed = narrow(resource, principal);
      narrowed.scope(principal);
      return narrowed;
    },
    listFor: (principal: Principal) =>
      list
        .filter((resource) => can(resource, principal, 'list'))
        .map((resource) => narrow(resource, principal)),
    titleFieldOf(model: string) {
      const resource = list.find((candidate) => candidate.model.name === model);
      const meta = list[0]?.metadata.models[model];
      return resource?.titleField ?? (meta ? titleFieldOf(withoutSecrets(meta)) : 'id');
    },
  });
  function narrow(resource: Resource, principal: Principal): Resource {
    // Of several resources of one model, the first that shows its records.
    const openTo = (model: string) =>
      list.find((candidate) => candidate.model.name === model && isOpen(candidate, principal)) ??
      null;
    return narrowResource(resource, principal, {
      openTo,
      related(model) {
        const found = openTo(model);
        return found ? narrow(found, principal) : null;
      },
    });
  }
}

function isOpen(resource: Resource, principal: Principal): boolean {
  if (!can(resource, principal, 'list')) return false;
  try {
    resource.scope(principal);
    return true;
  } catch {
    return false;
  }
}
