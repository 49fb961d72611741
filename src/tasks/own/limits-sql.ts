import { raw, type Sql, sql } from '../../db/sql.ts';
import type { LimitRule } from '../../task-definitions/limits.ts';
import type { TaskContext } from '../context.ts';

const ruleColumns = raw(`rule(name text, "maxRunning" int, "maxStarts" int, "perMs" float8)`);

/** Of rows `task`: neither as many run as may, nor were as many started as may be. */
export function notFullSql({ db: { t } }: TaskContext, rules: readonly LimitRule[]): Sql {
  return sql`and (limit_key is null or (operation, limit_key) not in (
        select running.operation, running.limit_key from ${raw(t.task)} running join ${ruleRows(rules)} on rule.name = running.operation
        where running.limit_key is not null and running.state in ('running', 'pausing', 'cancelling') and "maxRunning" is not null
        group by 1, 2, "maxRunning" having count(*) >= "maxRunning"))
      and (rate_key is null or (operation, rate_key) not in (${fullRates(t.task_start, rules)}))`;
}

/** Milliseconds until one more may be started of a name and key of which as many were as may be. */
export function untilRateSql({ db: { t } }: TaskContext, rules: readonly LimitRule[]): Sql {
  return sql`select (extract(epoch from min(at) - clock_timestamp()) * 1000)::float8 + "perMs" as ms
    from ${raw(t.task_start)} start join ${ruleRows(rules)} on rule.name = start.operation
    where "maxStarts" is not null and at > ${spanStart}
    group by start.operation, rate_key, "maxStarts", "perMs" having count(*) >= "maxStarts"`;
}

/** Starts that count no more. */
export function pastStartsSql({ db: { t } }: TaskContext, rules: readonly LimitRule[]): Sql {
  return sql`delete from ${raw(t.task_start)} start using ${ruleRows(rules)}
    where rule.name = start.operation and at <= ${spanStart}`;
}

/** Notes the starts of rows `next` that count for a rate. */
export function noteStartsSql({ db: { t } }: TaskContext, rules: readonly LimitRule[]): Sql {
  return sql`insert into ${raw(t.task_start)} (operation, rate_key)
       select operation, rate_key from next join ${ruleRows(rules)} on rule.name = operation
       where rate_key is not null and "maxStarts" is not null`;
}

const spanStart = raw(`clock_timestamp() - make_interval(secs => "perMs" / 1000)`);

function fullRates(starts: string, rules: readonly LimitRule[]): Sql {
  return sql`select start.operation, start.rate_key from ${raw(starts)} start join ${ruleRows(rules)} on rule.name = start.operation
        where "maxStarts" is not null and at > ${spanStart}
        group by 1, 2, "maxStarts" having count(*) >= "maxStarts"`;
}

function ruleRows(rules: readonly LimitRule[]): Sql {
  return sql`jsonb_to_recordset(${JSON.stringify(rules)}::jsonb) as ${ruleColumns}`;
}
