import type { Refusal } from '../contract.ts';

/**
 * Thrown by an operation that knows which records of the set it must not write. Whatever the
 * attempt wrote is rolled back, these are counted as failed, and the others are tried again without
 * them.
 */
export class RecordsRefused extends Error {
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly Refusal[]) {
    super(`${refusals.length} reasons to refuse records`);
    this.name = 'RecordsRefused';
    this.refusals = refusals;
  }
}
