import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyCondition } from '../../metadata/key-sql.ts';
import type { Resource } from '../../resources/contract.ts';

type WithSecrets = Pick<Resource, 'model' | 'secrets'>;

/** Shorter texts say nothing, and stand in too many words. */
const minLength = 3;

/** What the database says, without the values that it names and without these. */
export function unseen(
  message: string,
  { secrets }: Pick<Resource, 'secrets'>,
  values: readonly string[],
): string {
  if (secrets.length === 0) return message;
  const named = message
    .replace(/\(([^()]+)\)=\([^)]*\)/g, '($1)=(…)')
    .replace(/(Failing row contains) \(.*\)/s, '$1 (…)');
  const longestFirst = values
    .flatMap((value) => [value, ...value.split('\n')])
    .filter((value) => value.length >= minLength)
    .sort((a, b) => b.length - a.length);
  return longestFirst.reduce((text, value) => text.replaceAll(value, '…'), named);
}

/** Every text in the secrets of a record; null: there is no such record to look at. */
export async function readSecrets(
  client: Queryable,
  { model, secrets }: WithSecrets,
  key: string,
): Promise<string[] | null> {
  const columns = secrets.flatMap(({ meta: { column } }) =>
    column ? [`to_jsonb(t.${column})`] : [],
  );
  const { rows } = await query<{ found: unknown[] }>(
    client,
    sql`select ${raw(`jsonb_build_array(${columns.join(', ')}) as found from ${model.table} t`)} where ${keyCondition(model, 't', [key])}`,
  );
  return rows[0] ? textsIn(rows[0].found) : null;
}

/** Texts of secrets among values that are to be written. */
export function secretTexts(
  { secrets }: Pick<Resource, 'secrets'>,
  values: Iterable<readonly [Pick<FieldMeta, 'name'>, unknown]>,
): string[] {
  const names = new Set(secrets.map(({ meta }) => meta.name));
  return [...values].flatMap(([{ name }, value]) => (names.has(name) ? textsIn(value) : []));
}

function textsIn(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'object') return Object.values(value).flatMap(textsIn);
  return [String(value)];
}
