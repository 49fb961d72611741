import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedLanding, type Landing, type LaunchLanding, launchLandings } from './landing.ts';

const task = { id: 1, operation: 'update', title: 'Edit', state: 'queued', changed: 0, failed: 0 };

function ask(given: Landing<LaunchLanding> | undefined): { answer: string; said: string[] } {
  const said: string[] = [];
  const about = {
    resource: 'Cities',
    option: 'afterLaunch',
    onUnreadable: (message: string, { why }: Record<string, unknown>) =>
      void said.push(`${message}: ${why}`),
  };
  return { answer: askedLanding(about, launchLandings, given)(task), said };
}

test('a landing is what is said, by a function too, and the first where nothing is', () => {
  assert.deepEqual(ask(undefined), { answer: 'dialog', said: [] });
  assert.deepEqual(ask('list'), { answer: 'list', said: [] });
  assert.deepEqual(
    ask(({ operation }) => (operation === 'update' ? 'task-page' : 'list')),
    { answer: 'task-page', said: [] },
  );
});

test('a function that says anything else, or throws, is told in the log, and the first is taken', () => {
  const sentence = 'Cities: afterLaunch failed, so "dialog" is taken';
  assert.deepEqual(
    ask(() => 'elsewhere' as never),
    { answer: 'dialog', said: [`${sentence}: it says "elsewhere"`] },
  );
  const thrown = ask(() => {
    throw new Error('no');
  });
  assert.deepEqual(thrown, { answer: 'dialog', said: [`${sentence}: no`] });
});
