import { join } from 'node:path';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { migrate } from '../db/migrations.ts';
import { openPool } from '../db/pool.ts';
import { migrateQueue } from '../queue/graphile.ts';
import { queueSchemaOf } from '../server.ts';

const ours = join(import.meta.dirname, '../../prisma/bulkhead');

/** Brings our tables, the queue's and the project's own (where it gave migrations) up to date. A second run does nothing. */
export async function migrateAll(
  connectionString: string,
  config: Pick<Config, 'BULKHEAD_DATABASE_SCHEMA'>,
  admin: Pick<AdminDefinition, 'migrations'>,
): Promise<void> {
  await migrate(connectionString, { folder: ours, schema: config.BULKHEAD_DATABASE_SCHEMA });
  if (admin.migrations) await migrate(connectionString, admin.migrations);
  const pool = openPool({ connectionString, name: 'bulkhead migrations', max: 2 });
  try {
    await migrateQueue(pool, queueSchemaOf(config));
  } finally {
    await pool.end();
  }
}
