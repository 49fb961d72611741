import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import { databaseNow } from '../../db/database-now.ts';
import { clientTransaction } from '../../operations/rules/client-transaction.ts';
import { whyNotPlain } from '../../plain-json.ts';
import type { TransactionClient } from '../../resources/hooks.ts';
import type { EachOptions, Positioned, TaskRun } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';
import type { OwnTask } from '../task-row.ts';
import { childCalls } from './child-calls.ts';
import { findStep, keepStep, keepStepAlone, type StepKind } from './steps.ts';
import { writingCalls } from './writing-calls.ts';

/** What a run waits for that is to go on later: a time, the end of children, or of who is in its way. */
export type Awaited =
  | { sleepsMs: number }
  | { children: readonly number[]; failsFast: boolean }
  | { holder: number };

/** Thrown through a run that is to go on later: it holds no place meanwhile. */
export class TaskSuspended extends Error {
  readonly awaited: Awaited;

  constructor(awaited: Awaited) {
    super('This run goes on later. Let this error through.');
    this.name = 'TaskSuspended';
    this.awaited = awaited;
  }
}

/** The calls of a run that outlive it, each by its name. */
export interface NamedCalls
  extends Pick<TaskRun, 'step' | 'each' | 'sleep' | 'launch' | 'all' | 'tx' | 'change'> {
  /** Throws where the run was suspended, or asked to stop: whoever caught that gets no further. */
  assertGoesOn(): void;
  /** A run that caught its suspension has done nothing that counts. */
  assertNotSuspended(): void;
  /** Null: it was not suspended. */
  awaited(): Awaited | null;
}

const maxResultBytes = 1_000_000;
const maxNameLength = 200;
const shortestSuspensionMs = 1_000;
const defaultSize = 500;

export function namedCalls(
  context: TaskContext,
  pool: Pool,
  task: OwnTask,
  lease: Lease,
  { signal, principal }: { signal: AbortSignal; principal: Principal },
): NamedCalls {
  const {
    db: { t },
    registry,
    settings,
  } = context;
  const lineId = task.lineId ?? task.id;
  const names = new Set<string>();
  let suspension: TaskSuspended | null = null;
  const { within, ...writing } = writingCalls({
    context,
    pool,
    task,
    lease,
    assertGoesOn,
  });
  return {
    ...writing,
    step,
    each,
    sleep,
    ...childCalls({
      context,
      pool,
      task,
      lease,
      principal,
      begin,
      assertGoesOn,
      suspend: (children, failsFast) => suspend({ children, failsFast }),
    }),
    assertGoesOn,
    assertNotSuspended() {
      if (suspension) throw suspension;
    },
    awaited: () => suspension?.awaited ?? null,
  };

  function suspend(awaited: Awaited): never {
    suspension = new TaskSuspended(awaited);
    throw suspension;
  }

  function assertGoesOn(): void {
    if (suspension) throw suspension;
    if (signal.aborted) throw new Error(`This run is to stop: ${String(signal.reason)}.`);
  }

  /** What is kept of the call; a name is taken once in a run, for one kind of call. */
  async function begin(name: string, kind: StepKind) {
    assertGoesOn();
    if (
      typeof name !== 'string' ||
      name === '' ||
      name.length > maxNameLength ||
      whyNotPlain(name, '')
    )
      throw new TypeError(`${kind}: a name is a text of 1 to ${maxNameLength} characters.`);
    if (names.has(name))
      throw new TypeError(`${kind}: this run has used the name “${name}” already.`);
    names.add(name);
    const kept = await findStep(pool, t, lineId, name);
    if (kept && kept.kind !== kind)
      throw new TypeError(`${kind}: “${name}” was the name of a ${kept.kind} before.`);
    return kept;
  }

  async function step<T>(name: string, fn: (call: { key: string }) => Promise<T> | T): Promise<T> {
    const kept = await begin(name, 'step');
    if (kept?.isDone) return kept.result as T;
    const result = await fn({ key: `${lineId}:${name}` });
    assertKept(result, `step “${name}”`);
    await keepStepAlone(pool, t, lease, { lineId, name, kind: 'step', isDone: true, result });
    return result;
  }

  async function sleep(name: string, until: Date | number): Promise<void> {
    const kept = await begin(name, 'sleep');
    const nowMs = await databaseNow(pool);
    const dueAt = kept?.dueAt ?? (until instanceof Date ? until : new Date(nowMs + until));
    if (Number.isNaN(dueAt.getTime()))
      throw new TypeError('sleep: until is a Date, or milliseconds.');
    if (!kept)
      await keepStepAlone(pool, t, lease, { lineId, name, kind: 'sleep', isDone: false, dueAt });
    const leftMs = dueAt.getTime() - nowMs;
    if (leftMs <= 0) return;
    if (leftMs < shortestSuspensionMs) {
      await wait(leftMs, null, { signal });
      return;
    }
    suspend({ sleepsMs: leftMs });
  }

  async function each<T>(
    name: string,
    source: (after: unknown, limit: number) => Promise<readonly Positioned<T>[]>,
    fn: (items: readonly T[], tx: TransactionClient) => Promise<void>,
    { size = defaultSize, timeoutMs = settings.statementTimeoutMs }: EachOptions = {},
  ): Promise<number> {
    const kept = await begin(name, 'each');
    let count = kept?.count ?? 0;
    if (kept?.isDone) return count;
    for (let after: unknown = kept?.position ?? null; ; ) {
      assertGoesOn();
      const items = await source(after, size);
      const last = items.at(-1);
      if (!last) break;
      assertKept(last.position, `each “${name}”`);
      await clientTransaction(registry, pool, { timeoutMs }, async (sql, tx) => {
        const some = items.map(({ item }) => item);
        await within(sql, tx, () => fn(some, tx as unknown as TransactionClient));
        const kind = 'each';
        const step = {
          lineId,
          name,
          kind,
          isDone: false,
          position: last.position,
          added: items.length,
        } as const;
        await keepStep(sql, t, lease, step);
      });
      count += items.length;
      after = last.position;
    }
    await keepStepAlone(pool, t, lease, { lineId, name, kind: 'each', isDone: true });
    return count;
  }
}

function assertKept(value: unknown, place: string): void {
  const reason = value === undefined ? null : whyNotPlain(value, place);
  if (reason) throw new TypeError(reason);
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > maxResultBytes)
    throw new TypeError(`${place}: what it gives is longer than 1,000,000 bytes.`);
}
