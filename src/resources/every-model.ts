import type { Metadata } from '../metadata/contract.ts';
import { defineResource, type ResourceDefinition } from './define-resource.ts';
import { pluralOf, slugOf } from './guesses.ts';
import { reservedSlugs } from './registry.ts';

/**
 * Declares a resource for every model of a schema, each with an address of its own.
 *
 * @param metadata what Bulkhead's Prisma generator wrote about the schema
 * @param refined definitions of models about which there is more to say; a model may have several;
 * one of no model of the schema refuses the start
 * @returns definitions in the order of the schema; names that would share an address are numbered
 * (`order-lines`, `order-lines-2`)
 *
 * @example
 * export const resources = defineEveryResource(metadata, [defineResource(metadata, 'City', { columns: ['name', 'status'] })]);
 */
export function defineEveryResource(
  metadata: Metadata,
  refined: readonly ResourceDefinition[] = [],
): ResourceDefinition[] {
  const taken = new Set<string>([
    ...reservedSlugs,
    ...refined.map(({ model, options }) => options.slug ?? slugOf(pluralOf(model))),
  ]);
  const every = Object.keys(metadata.models).flatMap((model) => {
    const own = refined.filter((definition) => definition.model === model);
    if (own.length > 0) return own;
    const wanted = slugOf(pluralOf(model));
    let slug = wanted;
    for (let number = 2; taken.has(slug); number++) slug = `${wanted}-${number}`;
    taken.add(slug);
    return [defineResource(metadata, model, { slug })];
  });
  // What was said of a model that was renamed, its row scope among it, would otherwise be lost
  // without a word.
  return [...every, ...refined.filter(({ model }) => !Object.hasOwn(metadata.models, model))];
}
