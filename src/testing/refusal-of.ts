import assert from 'node:assert/strict';
import { AppError } from '../errors.ts';

/** What something is refused with; fails where it is not, or is by a bug. */
export async function refusalOf(launching: () => Promise<unknown>): Promise<AppError> {
  const error = await launching().then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, String(error));
  return error;
}
