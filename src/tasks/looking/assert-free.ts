import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { Resource } from '../../resources/contract.ts';
import { findHolder, type Holder } from './holders.ts';

const number = new Intl.NumberFormat('en');

/**
 * Throws 423 with the holder when a task holds the record. Ask it after the row is locked, on the
 * same transaction. `free`: whoever acts for a task is not stopped by it.
 */
export async function assertFree(
  client: Queryable,
  t: TableNames,
  { model, locksOffReason }: Pick<Resource, 'model' | 'locksOffReason'>,
  key: string,
  free: readonly number[] = [],
): Promise<void> {
  if (locksOffReason !== null) return;
  const holder = await findHolder(client, t, model.name, key, free);
  if (!holder) return;
  throw new AppError('locked', 423, heldMessage(holder), { holder });
}

export function heldMessage({ principalName, title, done, total }: Holder): string {
  return `${principalName} is changing this record: “${title}”, ${number.format(done)} of ${number.format(total)} done.`;
}
