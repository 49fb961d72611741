import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { plainColumnValue } from '../../fields/column-value.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { textSql } from '../../metadata/value-text.ts';
import { didYouMean } from '../../nearest.ts';
import { ownProperty } from '../../own-property.ts';
import { readStrictly } from '../../read-strictly.ts';
import type { OperationOptions } from '../../resources/operation-options.ts';
import type { ApplyTarget, Refusal } from '../contract.ts';
import { Objections } from '../rules/objections.ts';
import type { Objection } from '../rules/run-hooks.ts';

/** Reason of a record that an operation of the project's own refuses. */
export const refusedCode = 'refused';

export function refusedBecause(message: string): Objection {
  return { code: refusedCode, message, fieldErrors: {} };
}

/**
 * Asks an operation's `refuse` of each record. Returns the keys that it says nothing against, and
 * the others by what it says.
 */
export async function askRefuse(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  { label, needs = [], refuse }: OperationOptions,
  params: Record<string, unknown>,
): Promise<{ rest: readonly string[]; refusals: readonly Refusal[] }> {
  if (!refuse) return { rest: keys, refusals: [] };
  const objections = new Objections();
  for (const { key, record } of await readNeeds(client, target, keys, needs)) {
    const read = readStrictly(record, (name) => {
      throw new AppError(
        refusedCode,
        422,
        `The refuse rule of “${label}” reads "${name}", ${whyNot(target, name)}`,
      );
    });
    const objection = await ask(() => refuse(read, { params }));
    if (objection) objections.add(key, objection);
  }
  const refusals = objections.list();
  const refused = new Set(refusals.flatMap((refusal) => refusal.keys));
  return { rest: keys.filter((key) => !refused.has(key)), refusals };

  async function ask(run: () => unknown): Promise<Objection | null> {
    try {
      const why = await run();
      if (why === null || why === undefined || why === '') return null;
      if (typeof why === 'string') return refusedBecause(why);
      throw new Error(`refuse gives ${typeof why}, and a text or null is asked for`);
    } catch (error) {
      if (error instanceof AppError)
        return { code: error.code, message: error.message, fieldErrors: {} };
      target.log?.('error', 'a rule of an operation failed', {
        operation: label,
        error,
      });
      return {
        code: 'hook-failed',
        message: `The refuse rule of “${label}” failed. The log has the details.`,
        fieldErrors: {},
      };
    }
  }
}

function whyNot({ resource: { model } }: ApplyTarget, name: string): string {
  if (ownProperty(model.fields, name)) return 'which is not among its needs.';
  return `and ${model.name} has no such field.${didYouMean(name, Object.keys(model.fields))}`;
}

/** Reads and locks the records that are there: only these of their fields. */
async function readNeeds(
  client: Queryable,
  { resource: { model } }: ApplyTarget,
  keys: readonly string[],
  needs: readonly string[],
): Promise<{ key: string; record: Record<string, unknown> }[]> {
  const fields = needs.map((name) => model.fields[name] as FieldMeta);
  const texts = fields.map((field) => textSql(field, 't')).join(', ');
  const { rows } = await query<{ key: string; texts: (string | null)[] }>(
    client,
    sql`select ${raw(keySql(model, 't'))} collate "C" as key, to_json(array[${raw(texts)}]::text[]) as texts
     from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} order by 1 for update of t`,
  );
  return rows.map((row) => ({
    key: row.key,
    record: Object.fromEntries(
      fields.map((field, index) => [field.name, plainColumnValue(field, row.texts[index] ?? null)]),
    ),
  }));
}
