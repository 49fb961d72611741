import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { type JournalKind, journalWord } from '../journal-kind.ts';

/** What is written, as PostgreSQL numbers it in its catalogue of rules. */
const events: Readonly<Record<JournalKind, string>> = { update: '2', create: '3', delete: '4' };

/**
 * Refuses to write to a table whose rule does something else instead: PostgreSQL does not say what
 * came of each row. Sets are written by one statement of several parts, where it takes no rule at
 * all (`isSet`). Throws AppError 422 with the rule's name.
 */
export async function assertNoRule(
  client: Queryable,
  model: ModelMeta,
  written: readonly JournalKind[],
  isSet: boolean,
): Promise<void> {
  const { rows } = await client.query<{ name: string; event: string }>(
    `select rulename::text as name, ev_type::text as event from pg_rewrite
     where ev_class = $1::text::regclass and ev_type::text = any($2::text[]) and ev_enabled in ('O', 'A') and ($3::boolean or is_instead) order by 1`,
    [model.table, written.map((one) => events[one]), isSet],
  );
  const [rule] = rows;
  if (!rule) return;
  const kind = written.find((one) => events[one] === rule.event) as JournalKind;
  const message = `The database has a rule on this table, “${rule.name}”, that does something else when records are ${journalWord(kind)}. What would come of them could not be told, so nothing was written.`;
  throw new AppError('rewritten-table', 422, message, { rule: rule.name, fieldErrors: {} });
}
