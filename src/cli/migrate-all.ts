import type { AdminDefinition } from '../admin-definition.ts';
import { queueSchemaOf } from '../build-context.ts';
import type { Config } from '../config.ts';
import { migrate } from '../db/migrations.ts';
import { openPool } from '../db/pool.ts';
import { transaction } from '../db/transaction.ts';
import { ourFile } from '../our-files.ts';
import { buildBackends } from '../queue/backends.ts';

const queueLock = 0x42_4c_4b_08;

/** Where our own migrations stand. */
export const ours = ourFile('prisma/bulkhead');

const waits =
  'Another process brings the tables of Bulkhead up to date: this one waits for it, at most ten minutes.';

/**
 * Brings our tables, those of backends and the project's own (where it gave migrations) up to date. A
 * second run does nothing. Returns the names of what it applied of ours.
 */
export async function migrateAll(
  connectionString: string,
  config: Pick<Config, 'BULKHEAD_DATABASE_SCHEMA'>,
  admin: Pick<AdminDefinition, 'migrations' | 'backends'>,
): Promise<string[]> {
  const set = { folder: ours, schema: config.BULKHEAD_DATABASE_SCHEMA };
  const applied = await migrate(connectionString, set, { onWait: () => console.error(waits) });
  if (admin.migrations) await migrate(connectionString, admin.migrations);
  const pool = openPool({ connectionString, name: 'bulkhead migrations', max: 2 });
  try {
    // One after the other: the queue's own migrations meet each other half-way.
    await transaction(pool, async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [queueLock]);
      const { called } = buildBackends(queueSchemaOf(config), admin.backends);
      for (const backend of called.values()) await backend.migrate?.(pool);
    });
    return applied;
  } finally {
    await pool.end();
  }
}
