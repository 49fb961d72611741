import type { Pool } from 'pg';
import { notFound } from '../errors.ts';
import { type ResourceDefaults, buildResource } from './build-resource.ts';
import type { Client, Register } from './contract.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { titleFieldOf } from './guesses.ts';
import { recordWhereSql } from './where-sql.ts';

/** First segments of URLs that are ours. */
export const reservedSlugs = ['tasks', 'sign-in', 'sign-out', 'first-admin', 'static', 'healthz'];

/** Builds every resource once at start-up; a mistake in a definition stops the start with resource, key and reason. */
export function buildRegister(
  definitions: readonly ResourceDefinition[],
  createClient: (pool: Pool) => Client,
  pool: Pool,
  defaults: ResourceDefaults,
): Register {
  const list = definitions.map((definition) => buildResource(definition, defaults));
  const bySlug = new Map<string, (typeof list)[number]>();
  for (const resource of list) {
    const { slug, model } = resource;
    if (reservedSlugs.includes(slug)) throw new Error(`Resource ${model.name}, slug: "${slug}" is taken by Bulkhead itself.`);
    if (!/^[a-z0-9][a-z0-9-]*$/.test(slug))
      throw new Error(`Resource ${model.name}, slug: "${slug}" may have small letters, digits and hyphens.`);
    if (bySlug.has(slug)) throw new Error(`Resource ${model.name}, slug: "${slug}" is used twice.`);
    bySlug.set(slug, resource);
  }
  return Object.freeze({
    list,
    client: createClient(pool),
    whereSql: recordWhereSql(createClient),
    get(slug: string) {
      const resource = bySlug.get(slug);
      if (!resource) throw notFound();
      return resource;
    },
    titleFieldOf(model: string) {
      const resource = list.find((candidate) => candidate.model.name === model);
      const meta = list[0]?.metadata.models[model];
      return resource?.titleField ?? (meta ? titleFieldOf(meta) : 'id');
    },
  });
}
