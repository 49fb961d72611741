import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TaskManager } from '../task-manager.ts';
import { taskMoves, taskStates } from '../tasks/states.ts';
import {
  leavesAsIs,
  standingsOf,
  type TaskAction,
  taskActions,
  taskKinds,
  taskTable,
} from './task-table.ts';

test('the table has a cell for every kind, state and action', () => {
  assert.deepEqual(Object.keys(taskTable).sort(), [...taskKinds].sort());
  const standings = [...Object.keys(taskStates), 'waiting'].sort();
  for (const kind of taskKinds) {
    assert.deepEqual(Object.keys(taskTable[kind]).sort(), standings, kind);
    for (const [standing, { cells }] of standingsOf(kind))
      assert.deepEqual(
        Object.keys(cells).sort(),
        [...taskActions].sort(),
        `${kind} ${standing}: it has each action`,
      );
  }
  const states = Object.keys(taskStates);
  assert.deepEqual(
    states.filter((state) =>
      taskKinds.every((kind) => 'never' in taskTable[kind][state as keyof typeof taskStates]),
    ),
    [],
    'each state is one of some kind',
  );
});

test('every call of the task manager that moves a task is an action of the table', () => {
  const others = ['constructor', 'as', 'launch', 'launchMany', 'launchOn', 'get', 'list', 'wait'];
  // What it takes back is another task’s subject: it never moves the one that it is asked of.
  others.push(
    'undo',
    'conflicts',
    'assertFree',
    'progress',
    'progressUrl',
    'health',
    'isWorkerAlive',
  );
  others.push('backends', 'cleanup', 'settings', 'close', 'for', 'onLaunch');
  others.push('schedules', 'runSchedule', 'pauseSchedule', 'resumeSchedule');
  const named = Object.getOwnPropertyNames(TaskManager.prototype);
  assert.deepEqual(
    named.filter((name) => !others.includes(name) && !taskActions.includes(name as TaskAction)),
    [],
  );
});

test('what becomes of a task in the table is a way by allowed moves', () => {
  for (const kind of taskKinds)
    for (const [standing, { cells }] of standingsOf(kind))
      for (const [action, cell] of Object.entries(cells)) {
        if (leavesAsIs(cell)) continue;
        let from: string = standing === 'waiting' ? 'queued' : standing;
        for (const to of cell.moves) {
          assert.ok(
            taskMoves.some((move) => move.from === from && move.to === to),
            `${kind} ${standing}: ${action}: ${from} → ${to}`,
          );
          from = to;
        }
      }
});
