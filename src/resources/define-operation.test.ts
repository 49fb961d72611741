import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineOperation, t } from '../index.ts';

const about = { name: 'mark', label: 'Mark', icon: 'flag' };

test('a definition is frozen and holds what was said', () => {
  const mark = defineOperation(metadata, 'City', {
    ...about,
    change: () => ({ status: 'archived' }),
  });
  assert.equal(mark.model, 'City');
  assert.ok(Object.isFrozen(mark) && Object.isFrozen(mark.options));
  assert.deepEqual(mark.options.change?.({ now: new Date(), params: {} }), { status: 'archived' });
});

// What follows is read by the compiler: each line that must not compile says so.
test('a wrong name or value does not compile', () => {
  // @ts-expect-error: the schema has no such model
  defineOperation(metadata, 'Town', { ...about, change: () => ({}) });
  defineOperation(metadata, 'City', {
    ...about,
    // @ts-expect-error: no such field
    change: () => ({ status: 'archived', nmae: 'x' }),
  });
  // @ts-expect-error: no such status
  defineOperation(metadata, 'City', { ...about, change: () => ({ status: 'gone' }) });
  // @ts-expect-error: a relation is written by its key
  defineOperation(metadata, 'City', { ...about, change: () => ({ country: 'ESP' }) });
  // @ts-expect-error: no such field
  defineOperation(metadata, 'City', { ...about, needs: ['nmae'], change: () => ({ notes: 'x' }) });
  defineOperation(metadata, 'City', {
    ...about,
    needs: ['name'],
    // @ts-expect-error: only what is needed is read
    refuse: ({ status }) => status,
    change: () => ({ notes: 'x' }),
  });
  // @ts-expect-error
  defineOperation(metadata, 'City', { ...about, undo: 'never', change: () => ({ notes: 'x' }) });
});

test('what a form gives has its types: null where a control may be left empty', () => {
  defineOperation(metadata, 'City', {
    ...about,
    form: {
      text: t.text({ required: true }),
      count: t.integer(),
      how: t.choice(['softly', 'loudly']),
      day: t.date({ required: true }),
    },
    change: ({ now, params }) => {
      const how: 'softly' | 'loudly' | null = params.how;
      // @ts-expect-error: it may be left empty
      const count: number = params.count;
      const day: Date = params.day;
      return {
        notes: `${params.text} ${how} ${count}`,
        reviewedAt: day.getTime() === 0 ? now : day,
      };
    },
  });
  assert.deepEqual(Object.keys(t).sort(), ['choice', 'date', 'integer', 'number', 'text', 'yesNo']);
});
