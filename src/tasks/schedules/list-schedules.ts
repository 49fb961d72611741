import type { Principal } from '../../auth/principal.ts';
import type { TaskContext } from '../context.ts';
import type { TaskState } from '../states.ts';
import { seesSchedules } from './control-schedules.ts';

/** What became of one time. */
export interface ScheduleRun {
  readonly dueAt: Date;
  /**
   * `due`: it is about to begin, or waits for the one before; `launched`; `skipped`: the one before
   * was under way, or nothing matched; `missed`: nobody was there; `stopped`: too many records
   * matched, or the number moved by too much; `refused`: the launch was.
   */
  readonly state: 'due' | 'launched' | 'skipped' | 'missed' | 'stopped' | 'refused';
  /** Null: it was launched by none, or the task is forgotten. */
  readonly taskId: number | null;
  readonly taskState: TaskState | null;
  /** Records that matched; of missed times, how many. */
  readonly count: number | null;
  readonly message: string | null;
  /** Who had it run by hand. */
  readonly by: Pick<Principal, 'id' | 'name'> | null;
}

/** A schedule, when it runs next and what became of it lately. */
export interface ScheduleInfo {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  /** Null: it is paused or parked, no worker has seen it yet, or no time comes any more. */
  readonly nextAt: Date | null;
  readonly isPaused: boolean;
  readonly pausedBy: Pick<Principal, 'id' | 'name'> | null;
  /** It is in the code no more. */
  readonly isParked: boolean;
  /** The latest first, five at most. */
  readonly runs: readonly ScheduleRun[];
}

const maxRuns = 5;

/** All of them by their names, those of the code that no worker has seen as well; none that others may not see. */
export async function listSchedules(
  context: TaskContext,
  principal: Principal,
): Promise<ScheduleInfo[]> {
  if (!seesSchedules(context, principal)) return [];
  const { db, schedules } = context;
  const { rows } = await db.pages.query<ScheduleInfo & { runs: readonly DatedRun[] }>(
    `select name, cron, time_zone as "timeZone", next_at as "nextAt", is_paused as "isPaused", paused_by as "pausedBy", is_parked as "isParked",
       coalesce((select json_agg(latest order by latest."dueAt" desc) from (
         select run.due_at as "dueAt", run.state, task_id as "taskId", task.state as "taskState", count, run.message, by
         from ${db.t.schedule_run} run left join ${db.t.task} task on task.id = run.task_id
         where run.schedule = schedule.name order by run.due_at desc limit ${maxRuns}) latest), '[]') as runs
     from ${db.t.schedule} schedule`,
  );
  const known = new Set(rows.map(({ name }) => name));
  const unseen = [...schedules.values()].filter(({ name }) => !known.has(name));
  return [
    ...rows.map((row) => ({
      ...row,
      runs: row.runs.map((run) => ({ ...run, dueAt: new Date(run.dueAt) })),
    })),
    ...unseen.map(({ name, options: { cron, timeZone = 'UTC' } }) => ({
      ...{ name, cron, timeZone, nextAt: null, runs: [] },
      ...{ isPaused: false, pausedBy: null, isParked: false },
    })),
  ].sort((one, other) => one.name.localeCompare(other.name));
}

type DatedRun = Omit<ScheduleRun, 'dueAt'> & { dueAt: string | Date };
