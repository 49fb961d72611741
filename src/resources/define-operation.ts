import type { Metadata, ModelName } from '../metadata/contract.ts';
import type { FormInputs } from './form-inputs.ts';
import type { TypesOf } from './model-types.ts';
import type { EachResult, OperationOptions } from './operation-options.ts';

/** An operation of a project's own, and the model whose records it is for. */
export interface OperationDefinition {
  readonly metadata: Metadata;
  readonly model: string;
  readonly options: OperationOptions;
}

const defined = new WeakSet<object>();

type NoForm = Record<never, never>;

/** The compiler lets a function return more than it is asked for. */
type NoOther<C, R> = Exclude<keyof C, keyof R> extends never ? unknown : { change: never };

/**
 * Declares an operation of your own on a selection of records, or on one: it is previewed, run,
 * told and undone as editing is. List it among the `operations` of a resource.
 *
 * @param metadata what Bulkhead's Prisma generator wrote about the schema
 * @param model name of the model; an unknown one does not compile
 * @param options see `OperationOptions`
 * @returns a frozen definition
 *
 * @example
 * export const archive = defineOperation(metadata, 'City', {
 *   name: 'archive',
 *   label: 'Archive',
 *   icon: 'archive',
 *   needs: ['featured'],
 *   refuse: ({ featured }) => (featured ? 'It is featured.' : null),
 *   change: () => ({ status: 'archived' }),
 * });
 */
export function defineOperation<
  M,
  K extends ModelName<M>,
  const F extends FormInputs = NoForm,
  const N extends keyof TypesOf<M, K>['record'] = never,
  const C extends Partial<TypesOf<M, K>['record']> = Partial<TypesOf<M, K>['record']>,
  const E extends EachResult<TypesOf<M, K>> = EachResult<TypesOf<M, K>>,
>(
  metadata: Metadata<M>,
  model: K,
  options: OperationOptions<TypesOf<M, K>, F, N, C, E> & NoOther<C, TypesOf<M, K>['record']>,
): OperationDefinition {
  const definition = Object.freeze({
    metadata,
    model,
    options: Object.freeze(options) as unknown as OperationOptions,
  });
  defined.add(definition);
  return definition;
}

export function isOperationDefinition(value: unknown): value is OperationDefinition {
  return typeof value === 'object' && value !== null && defined.has(value);
}
