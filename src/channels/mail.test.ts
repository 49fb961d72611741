import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import type { Notice } from './contract.ts';
import { mailOf } from './mail.ts';

const settings = {
  ...parseConfig({ BULKHEAD_BASE_URL: 'https://example.test' }),
  name: 'Shop',
};

const notice = (id: number, title: string, event: Notice['event'] = 'task:succeeded'): Notice => ({
  id: `${id}`,
  event,
  at: new Date(0),
  by: null,
  task: {
    id,
    title,
    operation: 'quick',
    resource: null,
    state: 'succeeded',
    reason: null,
    message: null,
    principal: { id: '1', name: 'Ada' },
    meta: null,
    done: 0,
    total: null,
    changed: 0,
    failed: 0,
  },
});

const mail = (...notices: [Notice, ...Notice[]]) =>
  mailOf({ notices, person: null, address: 'a@example.test', attempt: 1 }, settings);

test('a mail about many names the first, counts how they ended, and has one link to all', () => {
  const { subject, text, html } = mail(
    notice(1, 'One'),
    notice(2, '<b>Two</b>', 'task:failed'),
    ...Array.from({ length: 19 }, (_, at) => notice(at + 3, `No. ${at + 3}`)),
  );
  assert.equal(subject, '[Shop] 21 tasks have ended');
  assert.match(text, /^Done: 20, Failed: 1$/m);
  assert.match(text, /^- Failed: <b>Two<\/b>$/m);
  assert.match(text, /^- and 1 more$/m);
  assert.match(html, /<li>Failed: &lt;b&gt;Two&lt;\/b&gt;<\/li>/);
  for (const part of [text, html])
    assert.deepEqual(part.match(/https:\/\/[^\s"<]+/g), ['https://example.test/tasks']);
});

test('a mail about one says what became of it', () => {
  const one = notice(7, 'Archive');
  const { text } = mail({
    ...one,
    task: { ...one.task, changed: 1_200, failed: 3, message: 'Ok' },
  });
  assert.match(text, /^Done: Archive\n\n1,200 changed, 3 could not be changed, Ok\n/);
});
