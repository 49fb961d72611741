import type pg from 'pg';
import { AppError } from '../errors.ts';
import { sqlstate } from './sqlstate.ts';

/** What PostgreSQL says of something made, or dropped, a second time. */
const there = [
  sqlstate.duplicateTable,
  sqlstate.duplicateObject,
  sqlstate.duplicateColumn,
  sqlstate.duplicateFunction,
  sqlstate.duplicateSchema,
  sqlstate.invalidTableDefinition,
  sqlstate.undefinedObject,
  sqlstate.undefinedFunction,
];

/**
 * Finishes a migration that was cut off. Prisma's engine committed each statement by itself, so the
 * first few are there already. Their number is found by trying: the longest rest first, in
 * savepoints. A statement that is there cannot be made a second time; one that can be repeated does
 * the same again.
 */
export async function finishHalfDone(client: pg.Client, name: string, sql: string): Promise<void> {
  // The engine's adapter cuts at every semicolon.
  const statements = sql
    .split(';')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  for (let done = 0; ; done++) {
    await client.query('savepoint half_done');
    try {
      await client.query(statements.slice(done).join(';\n'));
      await client.query('release savepoint half_done');
      return;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined || code === sqlstate.insufficientPrivilege) throw error;
      await client.query('rollback to savepoint half_done');
      if (done < statements.length - 1) continue;
      if (there.includes(code)) return;
      throw new AppError(
        'half-done-migration',
        500,
        `The migration ${name} was left half-way by an earlier version and cannot be finished (${message}); nothing was changed. ` +
          'Where nothing of Bulkhead’s is to be kept, drop its Postgres schema and start again; else restore it from a backup.',
      );
    }
  }
}
