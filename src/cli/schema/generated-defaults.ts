import type { Client } from 'pg';
import { sqlstate } from '../../db/sqlstate.ts';
import type { Metadata } from '../../metadata/contract.ts';

/**
 * Finds columns whose "default" refers to other columns: Prisma's introspection writes generated
 * columns so, and PostgreSQL refuses them as defaults.
 */
async function generatedExpressions(client: Client, { models }: Metadata): Promise<string[]> {
  const defaults = Object.values(models).flatMap(({ fields }) =>
    Object.values(fields).map((field) => field.default),
  );
  const found: string[] = [];
  for (const expression of new Set(defaults.flatMap(expressionOf))) {
    if (await namesColumns(client, expression)) found.push(expression);
  }
  return found;
}

function expressionOf(given: unknown): string[] {
  const { name, args } = (given ?? {}) as { name?: string; args?: readonly unknown[] };
  const [expression] = args ?? [];
  return name === 'dbgenerated' && typeof expression === 'string' && expression.trim() !== ''
    ? [expression]
    : [];
}

const undefinedColumn = sqlstate.undefinedColumn;

// Asks PostgreSQL whether an expression names columns: planned alone, it fails on an unknown
// column. It is planned and never run.
async function namesColumns(client: Client, expression: string): Promise<boolean> {
  await client.query('savepoint expression');
  try {
    await client.query(`explain select (${expression})`);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === undefinedColumn;
  } finally {
    await client.query('rollback to savepoint expression');
  }
}

/** The statements with such columns as `GENERATED ALWAYS`. */
export async function withGenerated(
  client: Client,
  metadata: Metadata,
  sql: string,
): Promise<string> {
  let result = sql;
  for (const expression of await generatedExpressions(client, metadata)) {
    result = result.replaceAll(
      ` DEFAULT ${expression}`,
      () => ` GENERATED ALWAYS AS (${expression}) STORED`,
    );
  }
  return result;
}
