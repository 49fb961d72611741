import { AppError } from '../errors.ts';
import { findUnplain, isPlainObject } from '../fields/plain-value.ts';
import type { Resource } from '../resources/contract.ts';
import type { Operation } from './contract.ts';

/** Values that code gives in place of a form, by the names of fields or controls. */
export type GivenValues = Readonly<Record<string, unknown>>;

/** Throws AppError 'invalid-operation' (422) where any of them has an error. */
export function assertNoErrors(fieldErrors: Readonly<Record<string, string>>): void {
  const [first] = Object.values(fieldErrors);
  if (first === undefined) return;
  throw new AppError('invalid-operation', 422, `${first} Nothing was changed.`, { fieldErrors });
}

/**
 * Parameters of an operation from values that code gives: through `parse`, as those of its form.
 * Throws AppError 'invalid-operation' (422) with details.fieldErrors by the names that were given.
 */
export function parseGiven<P>(operation: Operation<P>, resource: Resource, values: unknown): P {
  if (!isPlainObject(values)) throw wrongIn('parameters', 'is no plain object');
  const unplain = findUnplain(values, 'parameters', { isKept: false });
  if (unplain) throw wrongIn(unplain.place, unplain.why);
  if (!operation.bodyOf)
    assertNoErrors(
      Object.fromEntries(
        Object.keys(values).map((name) => [name, `“${operation.kind}” takes no parameters.`]),
      ),
    );
  return operation.parse(resource, { ...operation.bodyOf?.(resource, values) });
}

function wrongIn(place: string, why: string): AppError {
  const [, name = place] = place.split('.');
  const message = `${place} ${why}.`;
  return new AppError('invalid-operation', 422, `${message} Nothing was changed.`, {
    fieldErrors: { [name]: message },
  });
}
