import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../errors.ts';
import type { TaskInfo } from '../../task-info.ts';
import { type Brought, beforeWorkers, bringTask } from '../../testing/bring-task.ts';
import { type StagedTask, TaskStage } from '../../testing/task-stage.ts';
import {
  leavesAsIs,
  type Standing,
  standingsOf,
  type TableCell,
  type TableOutcome,
  type TableRow,
  type TaskAction,
  taskActions,
  taskKinds,
} from '../../testing/task-table.ts';
import { isFinished } from '../states.ts';
import { advance } from '../worker/advance.ts';
import { recover } from '../worker/recovery.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Whatever is forgotten is found after half a minute: not by then. */
const restMs = 15_000;

/** A task to which something is done. */
interface Subject extends Brought {
  name: string;
  standing: Standing;
  row: TableRow;
}

/** What was found and what the table says, each by a name; where both are the same it says nothing. */
class Comparison {
  readonly #found: Record<string, unknown> = {};
  readonly #wanted: Record<string, unknown> = {};

  add(name: string, found: unknown, wanted: unknown): void {
    if (isDeepStrictEqual(found, wanted)) return;
    this.#found[name] = found;
    this.#wanted[name] = wanted;
  }

  assertSame(): void {
    assert.deepEqual(this.#found, this.#wanted);
  }
}

const hasEnded = (standing: Standing) => standing !== 'waiting' && isFinished(standing);

/** Brings a task of each kind to each of these standings. */
async function bringAll(
  stage: TaskStage,
  isWanted: (standing: Standing) => boolean,
  isToExpire = false,
): Promise<Subject[]> {
  const expiresAt = isToExpire ? new Date(Date.now() + hourMs) : null;
  const wanted = taskKinds.flatMap((kind) =>
    standingsOf(kind)
      .filter(([standing]) => isWanted(standing))
      .map(([standing, row]) => ({ kind, standing, row })),
  );
  return Promise.all(
    wanted.map(async ({ kind, standing, row }) => ({
      name: `${kind} ${standing}`,
      standing,
      row,
      ...(await bringTask(stage, kind, standing, { expiresAt })),
    })),
  );
}

/** What is seen of each, which stands as the table says. */
async function lookAt(
  stage: TaskStage,
  subjects: readonly Subject[],
): Promise<Map<Subject, StagedTask>> {
  const all = new Map<Subject, StagedTask>();
  const standings = new Comparison();
  for (const subject of subjects) {
    const { name, standing, row } = subject;
    const seen = await stage.see(subject);
    all.set(subject, seen);
    const { info, holds, parts } = seen;
    const hasBegun = info.state === 'queued' && info.startedAt !== null;
    const found = { standing: hasBegun ? 'waiting' : info.state, holds, parts };
    standings.add(name, found, { standing, holds: row.holds, parts: row.parts });
  }
  standings.assertSame();
  return all;
}

const calls: Partial<Record<TaskAction, (stage: TaskStage, id: number) => Promise<TaskInfo>>> = {
  cancel: ({ tasks }, id) => tasks.cancel(id),
  pause: ({ tasks }, id) => tasks.pause(id),
  resume: ({ tasks }, id) => tasks.resume(id),
  retry: async ({ tasks }, id) => {
    const again = await tasks.retry(id);
    assert.notEqual(again.id, id);
    assert.equal(again.state, 'queued');
    return again;
  },
  reschedule: async ({ tasks }, id) => {
    const at = new Date(Date.now() + 3 * dayMs);
    const later = await tasks.reschedule(id, at);
    assert.deepEqual(later.dueAt, at);
    return later;
  },
};

/** What befalls all of them together. */
const befalls: Partial<
  Record<TaskAction, (stage: TaskStage, ids: readonly number[]) => Promise<unknown>>
> = {
  expire: ({ context }) => advance(context, 2 * hourMs),
  due: ({ context }) => advance(context, 2 * dayMs),
  'hard limit': ({ db }, ids) =>
    db.pages.query(
      `update ${db.t.task_slot} set ends_at = clock_timestamp() where task_id = any($1) and ends_at is not null`,
      [ids],
    ),
  'worker lost': (stage) => stage.killWorker(),
};

/** How a call was answered, by word or by the code of its refusal. */
async function answerOf(call: Promise<TaskInfo>): Promise<string> {
  return call.then(
    () => 'answered',
    (error) => {
      if (error instanceof AppError) return error.code;
      throw error;
    },
  );
}

/** What is seen of a task, less its times where time has passed. */
function lasting({ info, ...rest }: StagedTask, isCall: boolean) {
  const kept = Object.entries(info).filter(([, value]) => isCall || !(value instanceof Date));
  return { ...rest, info: Object.fromEntries(kept) };
}

/** What has become of a task since it was seen. */
function since(before: StagedTask, after: StagedTask): TableOutcome {
  return {
    moves: after.moves.slice(before.moves.length),
    holds: after.holds,
    hears: after.heard.slice(before.heard.length),
    parts: after.parts,
  };
}

/**
 * Does something to each of these tasks, and compares with the table what becomes of it: of what is
 * left as it is at once, of the rest when those that were held up have gone on.
 */
async function act(
  stage: TaskStage,
  action: TaskAction,
  subjects: readonly Subject[],
): Promise<void> {
  const before = await lookAt(stage, subjects);
  const cells = subjects.map((subject) => ({
    subject,
    cell: subject.row.cells[action],
    name: `${subject.name}: ${action}`,
    seen: before.get(subject) as StagedTask,
  }));
  const call = calls[action];
  const answers = new Comparison();
  for (const { subject, cell, name } of call ? cells : [])
    answers.add(
      name,
      call && (await answerOf(call(stage, subject.id))),
      refusalIn(cell) ?? 'answered',
    );
  answers.assertSame();
  await befalls[action]?.(
    stage,
    subjects.map(({ id }) => id),
  );
  // What one look leaves to the next is there after the second.
  for (let looks = 0; looks < 2; looks++) await recover(stage.context);

  const left = new Comparison();
  for (const { subject, cell, name, seen } of cells)
    if (leavesAsIs(cell)) {
      const isCall = call !== undefined;
      left.add(name, lasting(await stage.see(subject), isCall), lasting(seen, isCall));
    }
  left.assertSame();

  const changed = cells.filter(({ cell }) => !leavesAsIs(cell));
  if (changed.length === 0) return;
  // Whose process is killed need not be let go.
  const isKilled = ({ name }: Subject) => name.startsWith('isolated') && action === 'hard limit';
  for (const { subject } of changed) if (!isKilled(subject)) await stage.letGoOn(subject.record);
  let waited = changed;
  for (const end = Date.now() + restMs; waited.length > 0 && Date.now() < end; await wait(50)) {
    await recover(stage.context);
    const others: typeof changed = [];
    for (const one of waited)
      if (!isDeepStrictEqual(since(one.seen, await stage.see(one.subject)), one.cell))
        others.push(one);
    waited = others;
  }
  // Once more all of them: what has come to rest has stayed there.
  const outcomes = new Comparison();
  for (const { subject, cell, name, seen } of changed)
    outcomes.add(name, since(seen, await stage.see(subject)), cell);
  outcomes.assertSame();
  for (const { subject, name } of changed)
    if (subject.pid !== null && subject.name.startsWith('isolated'))
      assert.ok(await isGone(subject.pid), `${name}: its process is still there`);
}

function refusalIn(cell: TableCell): string | null {
  return typeof cell === 'object' && 'refused' in cell ? cell.refused : null;
}

async function isGone(pid: number): Promise<boolean> {
  for (const end = Date.now() + 5_000; Date.now() < end; await wait(20))
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
  return false;
}

test('what has not begun becomes what the table says, whatever is done to it', async (t) => {
  const stage = await TaskStage.open(t);
  const isWanted = (standing: Standing) => beforeWorkers.includes(standing) && !hasEnded(standing);
  for (const action of taskActions) {
    const subjects = await bringAll(stage, isWanted, action === 'expire');
    await act(stage, action, subjects);
    for (const { id } of await stage.tasks.list({ states: ['scheduled', 'queued'] }))
      await stage.tasks.cancel(id).catch(() => undefined);
  }
  await stage.assertNever();
});

/** Done one after the other to the same tasks: all but the last leave them as they are. */
const rounds: readonly (readonly TaskAction[])[] = [
  ['retry', 'reschedule', 'resume'],
  ['pause'],
  ['cancel'],
  ['expire', 'due'],
  ['hard limit'],
  ['worker lost'],
];

test('the rounds leave nothing out', () => {
  assert.deepEqual(rounds.flat().sort(), [...taskActions].sort());
});

for (const round of rounds)
  test(`what is under way becomes what the table says: ${round.join(', ')}`, async (t) => {
    const stage = await TaskStage.open(t);
    await stage.startWorker();
    const subjects = await bringAll(
      stage,
      (standing) => !beforeWorkers.includes(standing) && !hasEnded(standing),
      round.includes('expire'),
    );
    for (const action of round) await act(stage, action, subjects);
    await stage.assertNever();
  });

test('what has ended stays as it is, whatever is done to it, and is tried again by another task', async (t) => {
  const stage = await TaskStage.open(t);
  const isWanted = (isBefore: boolean) => (standing: Standing) =>
    hasEnded(standing) && beforeWorkers.includes(standing) === isBefore;
  const early = await bringAll(stage, isWanted(true), true);
  await stage.startWorker();
  const late = await bringAll(stage, isWanted(false), true);
  await advance(stage.context, 2 * dayMs);
  for (const { id } of late) await stage.until(id, ({ isFinished: isOver }) => isOver);
  const subjects = [...early, ...late];
  for (const action of taskActions.filter((one) => one !== 'retry'))
    await act(stage, action, subjects);
  await act(stage, 'retry', subjects);
  await stage.assertNever();
});
