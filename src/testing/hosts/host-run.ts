import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Packed } from '../../../scripts/build-package.ts';
import { createDatabase } from '../database.ts';

/** What a host is tried with. */
export interface HostRun {
  /** A folder outside the repository. */
  place: string;
  /** The package of now. */
  packed: Packed;
  /** With the tables of the library, and 500 books. */
  database: HostDatabase;
  /** Whatever is worth a line. */
  say(line: string): void;
}

export interface HostDatabase {
  connectionString: string;
  pool: pg.Pool;
  drop(): Promise<void>;
}

/** A database as an application has it that has never heard of Bulkhead. */
export async function libraryDatabase(): Promise<HostDatabase> {
  const { connectionString, drop } = await createDatabase('nothing');
  const pool = new pg.Pool({ connectionString, max: 4 });
  pool.on('error', () => undefined);
  await pool.query(readFileSync(join(import.meta.dirname, '../../../hosts/library.sql'), 'utf8'));
  return {
    connectionString,
    pool,
    async drop() {
      await pool.end();
      await drop();
    },
  };
}
