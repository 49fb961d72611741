import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { type JournalKind, journalWord } from '../journal-kind.ts';

/** What is written, as PostgreSQL numbers it in its catalogue of rules. */
const events: Readonly<Record<JournalKind, string>> = { update: '2', create: '3', delete: '4' };

interface Found {
  name: string;
  event: string;
  table: string;
  isOwn: boolean;
}

/**
 * What is written, and what the database writes along by foreign keys: rows that point at deleted
 * ones, or at columns that change.
 */
const reached = `with recursive reached(relid, event, columns, is_own) as (
    select $1::text::regclass::oid, event, array(select attnum from pg_attribute where attrelid = $1::text::regclass and attname = any($4::text[])), true
    from unnest($2::text[]) event
    union
    select conrelid, case when event = '${events.delete}' and confdeltype = 'c' then event else '${events.update}' end, conkey, false
    from reached join pg_constraint on contype = 'f' and confrelid = relid
      and case event when '${events.delete}' then confdeltype in ('c', 'n', 'd')
        when '${events.update}' then confupdtype in ('c', 'n', 'd') and confkey && columns else false end
  )`;

/**
 * Refuses to write to a table whose rule does something else instead: PostgreSQL does not say what
 * came of each row, and refuses where a foreign key writes to one. Sets are written by one
 * statement of several parts, where it takes no rule at all (`isSet`). `fields`: those that an
 * update writes. Throws AppError 422 with the rule's name.
 */
export async function assertNoRule(
  client: Queryable,
  model: ModelMeta,
  written: readonly JournalKind[],
  { isSet, fields = [] }: { isSet: boolean; fields?: readonly string[] },
): Promise<void> {
  const { rows } = await client.query<Found>(
    `${reached} select rulename::text as name, event, relname::text as table, is_own as "isOwn"
     from reached join pg_rewrite on ev_class = relid and ev_type::text = event join pg_class on pg_class.oid = relid
     where ev_enabled in ('O', 'A') and (is_instead or $3::boolean and is_own) order by not is_own, relname, rulename limit 1`,
    [
      model.table,
      written.map((one) => events[one]),
      isSet,
      fields.flatMap((name) => model.fields[name]?.dbColumn ?? []),
    ],
  );
  const [rule] = rows;
  if (!rule) return;
  const kind = (Object.keys(events) as JournalKind[]).find(
    (one) => events[one] === rule.event,
  ) as JournalKind;
  const message = `The database has a rule on ${rule.isOwn ? 'this table' : `the table ${rule.table}, which would be written along`}, “${rule.name}”, that does something else when records are ${journalWord(kind)}. What would come of them could not be told, so nothing was written.`;
  throw new AppError('rewritten-table', 422, message, { rule: rule.name, fieldErrors: {} });
}
