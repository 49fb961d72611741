import { AppError } from '../errors.ts';
import type { Operation } from './contract.ts';

/**
 * Throws AppError 'invalid-operation' (422) where the box is not ticked that an operation asks for.
 */
export function assertAcknowledged(
  { offer, words }: Operation,
  body: Record<string, unknown>,
): void {
  if (!offer?.isAcknowledged || body.acknowledge === 'yes') return;
  throw new AppError('invalid-operation', 422, words.unacknowledged, {
    fieldErrors: { acknowledge: words.unacknowledged },
  });
}
