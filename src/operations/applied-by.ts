import type { Operation } from './contract.ts';

/**
 * The same operation, applied in another way. Nothing else writes its records then: neither the one
 * statement nor the server by itself, which would go past what is asked here first.
 */
export function appliedBy<P>(operation: Operation<P>, apply: Operation<P>['apply']): Operation<P> {
  const { statement: _, held: __, settle: ___, suspects: ____, ...others } = operation;
  return { ...others, apply };
}
