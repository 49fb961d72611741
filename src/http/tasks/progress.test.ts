import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressOf, workedMs } from '../../tasks/looking/progress.ts';
import { type TaskState, taskStates } from '../../tasks/states.ts';
import type { BulkTask, TaskRow } from '../../tasks/task-row.ts';
import { formatSpan } from '../format-span.ts';
import { badgeOf } from './badge.ts';
import { countsOf, finishedData, finishedEvents, hasMoved, progressData } from './progress.ts';

const now = new Date('2026-11-21T12:00:10Z');
const url = (path: string) => `/admin${path}`;
const look = { now, url, reader: { timeZone: 'Asia/Tokyo' } };

function taskOf(values: Partial<BulkTask>): TaskRow {
  const empty = {
    chunkCount: 0,
    chunksDone: 0,
    done: 0,
    changed: 0,
    unchanged: 0,
    failed: 0,
    gone: 0,
    conflicted: 0,
    keptBack: 0,
    altered: 0,
  };
  const at = new Date('2026-11-21T12:00:00Z');
  return {
    ...empty,
    kind: 'bulk',
    failedAttempts: 0,
    dueAt: null,
    queue: 'default',
    holdsAffected: false,
    onFinished: null,
    wroteItself: false,
    isUndo: false,
    meta: null,
    hasLimit: false,
    expiresAt: null,
    waitsFor: null,
    canGoOn: false,
    priority: 0,
    progressMessage: null,
    result: null,
    id: 7,
    requestId: null,
    operationId: null,
    resource: 'cities',
    model: 'City',
    operation: 'update',
    title: 'Edit cities',
    backend: 'queue',
    principalId: 'ada',
    principalName: 'Ada',
    principal: { id: 'ada', name: 'Ada', roles: [] },
    parameters: {},
    parametersVersion: 1,
    hasSecrets: false,
    selection: { kind: 'ticked', filter: '' },
    state: 'running',
    reason: null,
    message: null,
    writeThrough: 'sql',
    locksOffReason: null,
    parallelism: 1,
    overlap: 'refuse',
    stopRatio: null,
    snapshot: null,
    changeReason: null,
    expected: 6972,
    total: 6972,
    followsId: null,
    lineId: null,
    parentId: null,
    blockedBy: null,
    startOver: null,
    isAtomic: false,
    attempts: 0,
    deaths: 0,
    createdAt: at,
    updatedAt: at,
    queuedAt: at,
    startedAt: at,
    finishedAt: null,
    idleMs: 0,
    restedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    workerFor: 'there',
    workerEndedAt: null,
    queuePause: null,
    ...values,
  };
}

test('a running task says how far it is, how fast, and how long it will take', () => {
  const data = progressData(taskOf({ done: 1000, changed: 1000 }), look);
  assert.equal(data.heading, 'Processing 6,972 records in the background');
  assert.deepEqual(
    [data.doneText, data.percentText, data.rateText],
    ['1,000 of 6,972', '14 %', '100 records/s'],
  );
  assert.equal(data.leftText, 'about 1 min left');
  assert.equal(data.live, `bar=7.page.running.1000.${now.getTime()}`);
  assert.equal(data.canCancel, true);
});

test('a task that waits for its time says when it is, and no time that is past', () => {
  const note = (dueAt: Date | null) =>
    progressData(taskOf({ state: 'scheduled', startedAt: null, dueAt }), look).note;
  assert.equal(note(null), 'Waits for its time.');
  assert.match(note(new Date(now.getTime() + 60_000)), /^It begins at /);
  assert.match(note(new Date(now.getTime() - 60_000)), /^Waiting for a worker since /);
});

test('a task that waits says for what: the end of another, or that what did the same is taken back', () => {
  const waiting = { state: 'queued', startedAt: null, blockedBy: 5 } as const;
  const note = (values: Partial<BulkTask>) =>
    progressData(taskOf({ ...waiting, ...values }), look).note;
  assert.equal(note({}), 'Waits until task 5 is finished, and holds nothing meanwhile.');
  assert.equal(
    note({ startOver: [{ taskId: 4, undoIds: [5] }] }),
    'What task 4 did is taken back first. It begins when that is done, and holds nothing meanwhile.',
  );
});

test('a list behind a task is read again at most every 5 s while records change, and at once in another state', () => {
  const task = taskOf({ done: 1000 });
  const shown = (state: string, done: number, msAgo: number) =>
    `${state}.${done}.${now.getTime() - msAgo}`;
  assert.equal(hasMoved(task, now, shown('running', 900, 4_999)), false);
  assert.equal(hasMoved(task, now, shown('running', 900, 5_000)), true);
  assert.equal(hasMoved(task, now, shown('running', 1000, 60_000)), false);
  assert.equal(hasMoved(task, now, shown('queued', 1000, 1)), true);
  assert.equal(
    hasMoved(taskOf({ state: 'paused', done: 1000 }), now, shown('paused', 900, 1)),
    true,
  );
  assert.equal(
    hasMoved(taskOf({ state: 'paused', done: 1000 }), now, shown('paused', 1000, 60_000)),
    false,
  );
  for (const odd of [undefined, '', 'running', 'running.x.1', `running.1000.${'9'.repeat(40)}`])
    assert.equal(hasMoved(task, now, odd), true, odd);
  const kept = progressData(task, look, 'strip', shown('running', 900, 1));
  assert.match(kept.live ?? '', /^bar=7\.strip\.running\.900\./);
});

test('every unfinished state has words of its own, and only what prepares or has not begun has a bar without a value', () => {
  const unfinished = (Object.keys(taskStates) as TaskState[]).filter(
    (state) => !taskStates[state].isFinished,
  );
  const notes = unfinished.map((state) => progressData(taskOf({ state }), look).note);
  assert.equal(new Set(notes).size, unfinished.length);
  const unknown = unfinished.filter((state) => !progressData(taskOf({ state }), look).bar.isKnown);
  assert.deepEqual(unknown, ['queued', 'preparing']);
  const handedOn = taskOf({ state: 'queued', done: 400, total: 1000 });
  const { value, isKnown } = progressData(handedOn, look).bar;
  assert.deepEqual({ value, isKnown }, { value: 400, isKnown: true });
});

test('a task that waits long says that it waits for a worker', () => {
  const fresh = progressData(
    taskOf({ state: 'queued', queuedAt: new Date('2026-11-21T12:00:09Z') }),
    look,
  );
  const old = progressData(taskOf({ state: 'queued' }), look);
  assert.match(fresh.note, /its turn since/);
  assert.match(old.note, /a worker since/);
  assert.match(old.note, /since 21:00:00\./, 'in the reader’s own time');
  const older = progressData(
    taskOf({ state: 'queued', queuedAt: new Date('2026-11-20T14:59:00Z') }),
    look,
  );
  assert.match(
    older.note,
    /since 20 Nov 2026,? (at )?23:59:00/,
    'with the day where it is another',
  );
});

test('where no worker is alive it says so, since when, with no speed and no end', () => {
  const workerEndedAt = new Date('2026-11-21T12:00:05Z');
  for (const state of ['queued', 'preparing', 'running', 'pausing', 'cancelling'] as const) {
    const data = progressData(
      taskOf({ state, done: 1000, changed: 1000, workerFor: 'none', workerEndedAt }),
      look,
    );
    assert.equal(data.heading, 'Waiting for a worker: 6,972 records');
    assert.equal(
      data.note,
      'No worker is alive since 21:00:05, so nobody is at it. It goes on when one starts.',
    );
    assert.deepEqual([data.rateText, data.leftText], [null, null]);
  }
  const unknown = progressData(taskOf({ workerFor: 'none' }), look);
  assert.equal(unknown.note, 'No worker is alive, so nobody is at it. It goes on when one starts.');
  const paused = progressData(taskOf({ state: 'paused', workerFor: 'none', workerEndedAt }), look);
  assert.doesNotMatch(paused.note, /worker/);
});

test('where no running worker knows what it is about it says what that is, and that it goes on', () => {
  const noteOf = (values: Parameters<typeof taskOf>[0]) => {
    const data = progressData(taskOf({ workerFor: 'unknowing', ...values }), look);
    assert.equal(data.rateText, null);
    return data.note;
  };
  const goesOn = 'A newer version may: it goes on by itself when one runs. It can be cancelled.';
  const archive = { operation: 'archive', resource: 'cities' };
  assert.equal(
    noteOf({ state: 'queued', ...archive }),
    `No running worker knows the operation “archive” of “cities”. ${goesOn}`,
  );
  assert.equal(
    noteOf({ state: 'running', done: 10, operation: 'undo', parameters: { what: archive } }),
    `No running worker knows how to take back the operation “archive” of “cities”. ${goesOn}`,
  );
  assert.doesNotMatch(noteOf({ state: 'paused' }), /worker/);
});

test('the time in which nobody was at it counts neither for its speed nor for what it took', () => {
  const task = taskOf({ done: 1000, changed: 1000, idleMs: 5_000 });
  assert.deepEqual(
    [progressData(task, look).rateText, workedMs(task, now)],
    ['200 records/s', 5_000],
  );
  const resting = taskOf({
    state: 'paused',
    done: 1000,
    restedAt: new Date('2026-11-21T12:00:04Z'),
  });
  assert.equal(workedMs(resting, now), 4_000);
  assert.equal(
    workedMs(
      taskOf({ state: 'cancelled', finishedAt: now, restedAt: new Date('2026-11-21T12:00:04Z') }),
      now,
    ),
    4_000,
  );
});

test('a cancelling task cannot be cancelled again', () => {
  assert.equal(progressData(taskOf({ state: 'cancelling' }), look).canCancel, false);
});

test('what the page is told at the end names changed, failed and unchanged records', () => {
  const task = taskOf({
    state: 'partial',
    done: 6972,
    changed: 6900,
    failed: 70,
    unchanged: 2,
    finishedAt: now,
  });
  assert.deepEqual(finishedEvents(task), {
    'bulkhead:finished': { taskId: 7, resource: 'cities', model: 'City' },
    'bulkhead:toast': {
      level: 'warning',
      message: 'Edit cities: partly done. 6,900 changed, 70 failed, 2 already so.',
      key: 'task-7',
    },
  });
});

test('a cancelled task counts the records that it did not reach', () => {
  const task = taskOf({ state: 'cancelled', done: 1000, changed: 1000, finishedAt: now });
  assert.deepEqual(
    countsOf(task).map(({ text }) => text),
    ['1,000 changed', '5,972 not reached'],
  );
});

test('each finished state ends with a heading, a note and a badge that has an icon and a word', () => {
  for (const state of ['succeeded', 'partial', 'failed', 'cancelled'] as const) {
    const ended = finishedData(taskOf({ state, finishedAt: now }), now, url);
    assert.ok(ended.heading.startsWith('Edit cities: '), state);
    assert.notEqual(ended.note, '', state);
    assert.notEqual(badgeOf(state).icon, '');
    assert.notEqual(badgeOf(state).label, '');
  }
});

for (const [ms, words] of [
  [0, '0 ms'],
  [340, '340 ms'],
  [4_230, '4.2 sec'],
  [59_600, '1 min'],
  [200_000, '3 min 20 sec'],
  [7_260_000, '2 hr 1 min'],
  [90_000_000, '1 day 1 hr'],
] as const) {
  test(`${ms} ms is ${words}`, () => {
    assert.equal(formatSpan(ms), words);
  });
}

test('of a task that nothing says the end of, no time is told that is left', () => {
  const now = new Date('2026-11-21T12:00:10Z');
  const unknown = { state: 'running', total: null, expected: null, done: 7 } as const;
  const { rate, secondsLeft } = progressOf(taskOf(unknown), now);
  assert.ok(rate && rate > 0);
  assert.equal(secondsLeft, null);
});
