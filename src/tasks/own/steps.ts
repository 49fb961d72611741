import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { holdLease, type Lease } from '../running/lease.ts';

export type StepKind = 'step' | 'each' | 'sleep' | 'launch';

/** What is kept of a named call of a run, for all runs of its line. */
export interface NamedStep {
  kind: StepKind;
  isDone: boolean;
  result: unknown;
  position: unknown;
  count: number;
  dueAt: Date | null;
}

/** A run that has lost its slot keeps nothing more. */
export class RunLost extends Error {
  constructor(taskId: number) {
    super(`This run has lost task ${taskId}: it writes nothing more.`);
    this.name = 'RunLost';
  }
}

export async function findStep(
  pool: Pool,
  t: TableNames,
  lineId: number,
  name: string,
): Promise<NamedStep | null> {
  const { rows } = await pool.query<NamedStep>(
    `select kind, is_done as "isDone", result, position, count, due_at as "dueAt" from ${t.task_step} where line_id = $1 and name = $2`,
    [lineId, name],
  );
  return rows[0] ?? null;
}

/** Is anything kept of what a task, or the ones that it tries again, have done? */
export async function hasSteps(client: Queryable, t: TableNames, taskId: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from ${t.task} task join ${t.task_step} step on step.line_id = coalesce(task.line_id, task.id) where task.id = $1 limit 1`,
    [taskId],
  );
  return rowCount === 1;
}

export interface KeptStep {
  lineId: number;
  name: string;
  kind: StepKind;
  isDone: boolean;
  result?: unknown;
  position?: unknown;
  /** How many items more were dealt with. */
  added?: number;
  dueAt?: Date | null;
}

/**
 * Keeps a step in the caller's transaction, which commits only while the run has its slot. The task
 * got on, so the attempts that failed before are forgotten.
 */
export async function keepStep(
  client: Queryable,
  t: TableNames,
  lease: Lease,
  { lineId, name, kind, isDone, result = null, position = null, added = 0, dueAt = null }: KeptStep,
): Promise<void> {
  if (!(await holdLease(client, t, lease))) throw new RunLost(lease.taskId);
  await client.query(
    `insert into ${t.task_step} as step (line_id, name, kind, is_done, result, position, count, due_at)
     values ($1::int, $2::text, $3::text, $4::boolean, $5::jsonb, $6::jsonb, $7::int, $8::timestamptz)
     on conflict (line_id, name) do update set is_done = excluded.is_done, result = excluded.result,
       position = coalesce(excluded.position, step.position), count = step.count + excluded.count`,
    [
      lineId,
      name,
      kind,
      isDone,
      JSON.stringify(result),
      position === null ? null : JSON.stringify(position),
      added,
      dueAt?.toISOString() ?? null,
    ],
  );
  await client.query(
    `update ${t.task} set failed_attempts = 0 where id = $1::int and failed_attempts > 0`,
    [lease.taskId],
  );
}

export function keepStepAlone(
  pool: Pool,
  t: TableNames,
  lease: Lease,
  step: KeptStep,
): Promise<void> {
  return transaction(pool, (client) => keepStep(client, t, lease, step));
}
