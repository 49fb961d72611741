import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AdminDefinition } from '../admin-definition.ts';
import { migrate } from '../db/migrations.ts';

export const shopFolder = join(import.meta.dirname, '../../examples/shop');

/**
 * The admin of `examples/shop`, with its tables in a database of ours. Not by its name: what it says of
 * its own client is no business of our types.
 */
export async function openShop(connectionString: string): Promise<AdminDefinition> {
  const file = pathToFileURL(join(shopFolder, 'bulkhead.config.ts')).href;
  const { default: shop } = (await import(file)) as { default: AdminDefinition };
  if (shop.migrations) await migrate(connectionString, shop.migrations);
  await shop.seed?.(connectionString, () => undefined);
  return shop;
}
