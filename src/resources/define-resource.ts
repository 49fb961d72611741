import type { Metadata } from '../metadata/contract.ts';
import type { RecordOf, TypesOf } from './model-types.ts';
import type { ResourceOptions } from './options.ts';

/** A model and what was said about it; completed when the admin is built. */
export interface ResourceDefinition {
  readonly metadata: Metadata;
  readonly model: string;
  readonly options: ResourceOptions;
}

/** The options of one model, field names and values checked by the compiler. */
export type TypedResourceOptions<
  M extends Metadata,
  K extends keyof M['models'],
  Needs = Record<string, string>,
> = ResourceOptions<TypesOf<M, K>, Needs>;

/**
 * Declares how one model is administered. Everything has a default made from the schema, so `{}` is
 * enough.
 *
 * A field that the model does not have does not compile. What the compiler cannot check (a field
 * without a filter among `filters`, a slug used twice) is refused at start-up by a
 * `DefinitionError` that names every mistake at once.
 *
 * @param metadata what Bulkhead's Prisma generator wrote about the schema
 * @param model name of the model; an unknown one does not compile
 * @param options see `ResourceOptions`
 * @returns a frozen definition, for the `resources` of `defineAdmin`
 *
 * @example
 * export const cities = defineResource(metadata, 'City', {
 *   columns: ['name', 'country', 'population', 'status'],
 *   search: ['name'],
 *   validate: (city) => (city.population < 0 ? { population: 'Nobody lives in a negative number.' } : null),
 *   bulk: { fields: ['status', 'featured'], minAsyncRecords: 20 },
 * });
 */
export function defineResource<
  const M extends Metadata,
  K extends keyof M['models'] & string,
  const Needs extends Record<string, keyof RecordOf<M, K>> = Record<never, never>,
>(metadata: M, model: K, options: TypedResourceOptions<M, K, Needs> = {}): ResourceDefinition {
  return Object.freeze({
    metadata,
    model,
    options: Object.freeze(options) as unknown as ResourceOptions,
  });
}
