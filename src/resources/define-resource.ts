import type { Metadata } from '../metadata/contract.ts';
import type { FieldRules, ResourceOptions } from './contract.ts';

/** Names of a model's fields, known to the compiler where the metadata is the generator's own. */
export type FieldName<M extends Metadata, K extends keyof M['models']> = M['models'][K]['fields'] extends infer F
  ? keyof F & string
  : never;

type Sort<N extends string> = N | `-${N}`;

/** ResourceOptions whose field names the compiler checks. */
export interface TypedResourceOptions<N extends string>
  extends Omit<ResourceOptions, 'titleField' | 'columns' | 'filters' | 'search' | 'defaultSort' | 'form' | 'labels' | 'fields' | 'bulk'> {
  titleField?: N;
  columns?: readonly N[];
  filters?: readonly N[];
  search?: readonly N[];
  defaultSort?: Sort<N>;
  form?: readonly N[];
  labels?: Partial<Record<N, string>>;
  fields?: { readonly [F in N]?: FieldRules };
  bulk?: Omit<NonNullable<ResourceOptions['bulk']>, 'fields'> & { fields?: readonly N[] };
}

/** A model and what was said about it; completed when the admin is built. */
export interface ResourceDefinition {
  readonly metadata: Metadata;
  readonly model: string;
  readonly options: ResourceOptions;
}

/**
 * Declares how one model is administered. Everything has a default made from the schema, so `{}` is enough.
 *
 * @param metadata what Bulkhead's Prisma generator wrote about the schema
 * @param model name of the model; an unknown one does not compile
 * @param options columns, filters, search, form, permissions, row scope, bulk rules; see `ResourceOptions`
 * @returns a frozen definition, checked and completed by `defineAdmin`'s register at start-up
 *
 * @example
 * export const cities = defineResource(metadata, 'City', {
 *   columns: ['name', 'country', 'population', 'status'],
 *   search: ['name'],
 *   bulk: { minAsyncRecords: 20 },
 * });
 */
export function defineResource<const M extends Metadata, K extends keyof M['models'] & string>(
  metadata: M,
  model: K,
  options: TypedResourceOptions<FieldName<M, K>> = {},
): ResourceDefinition {
  return Object.freeze({ metadata, model, options: Object.freeze(options) as ResourceOptions });
}
