import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineTask } from '../task-definitions/define-task.ts';
import { unheardQueues } from './unheard-queues.ts';

test('a queue that no task is put in is said, with the name that was meant', () => {
  const tasks = [
    defineTask({ name: 'mail', params: z.object({}), queue: 'mail', run: () => null }),
  ];
  assert.deepEqual(unheardQueues(undefined, { tasks }), []);
  assert.deepEqual(unheardQueues(['bulk', 'default', 'mail'], { tasks }), []);
  assert.deepEqual(unheardQueues(['mial', 'x'], { tasks }), [
    'No task of this admin is put in the queue "mial". Did you mean "mail"?',
    'No task of this admin is put in the queue "x".',
  ]);
});
