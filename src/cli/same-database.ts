import { randomInt } from 'node:crypto';
import { UtcClient } from '../db/client.ts';
import { AppError } from '../errors.ts';

/**
 * Refuses two addresses of different databases: we would make our tables in one and look for them
 * in the other.
 */
export async function sameDatabase(connectionString: string, direct: string): Promise<void> {
  const one = new UtcClient({ connectionString: direct });
  const other = new UtcClient({ connectionString });
  const key = randomInt(2 ** 31 - 1);
  try {
    await one.connect();
    await other.connect();
    // An advisory lock is known in its own database and nowhere else.
    await one.query('begin');
    await one.query('select pg_advisory_xact_lock($1, $2)', [0x42_4c_4b, key]);
    await other.query('begin');
    const { rows } = await other.query<{ is_free: boolean }>(
      'select pg_try_advisory_xact_lock($1, $2) as is_free',
      [0x42_4c_4b, key],
    );
    await other.query('rollback');
    if (rows[0]?.is_free) {
      throw new AppError(
        'two-databases',
        500,
        'DATABASE_URL and DIRECT_DATABASE_URL lead to different databases: let both name the same one.',
      );
    }
  } finally {
    await Promise.all([one.end(), other.end()].map((ended) => ended.catch(() => undefined)));
  }
}
