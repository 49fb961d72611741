import type { Metadata, ModelName } from '../metadata/contract.ts';
import type { TypesOf } from './model-types.ts';
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
  K extends string,
  Needs = Record<string, string>,
> = M extends Metadata<infer T> ? ResourceOptions<TypesOf<T, K>, Needs> : never;

/** Names of computed columns, each with the fields that it reads. */
type ColumnNeeds<M, K> = Record<string, keyof TypesOf<M, K>['record']>;
type NoColumns = Record<never, never>;

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
export function defineResource<M, K extends ModelName<M>, N extends ColumnNeeds<M, K> = NoColumns>(
  metadata: Metadata<M>,
  model: K,
  options: ResourceOptions<TypesOf<M, K>, N> = {},
): ResourceDefinition {
  return Object.freeze({
    metadata,
    model,
    options: Object.freeze(options) as unknown as ResourceOptions,
  });
}
