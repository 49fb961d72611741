import type { Metadata } from '../metadata/contract.ts';
import { defineResource, type ResourceDefinition } from './define-resource.ts';
import { pluralOf, slugOf } from './guesses.ts';
import { reservedSlugs } from './register.ts';

/**
 * Declares a resource for every model of a schema, each with an address of its own.
 *
 * @param metadata what Bulkhead's Prisma generator wrote about the schema
 * @returns definitions in the order of the schema; names that would share an address are numbered (`order-lines`, `order-lines-2`)
 */
export function defineEveryResource(metadata: Metadata): ResourceDefinition[] {
  const taken = new Set<string>(reservedSlugs);
  return Object.keys(metadata.models).map((model) => {
    const wanted = slugOf(pluralOf(model)) || 'records';
    let slug = wanted;
    for (let number = 2; taken.has(slug); number++) slug = `${wanted}-${number}`;
    taken.add(slug);
    return defineResource(metadata, model, { slug });
  });
}
