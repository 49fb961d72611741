import type { Relation } from '../../tasks/looking/related-tasks.ts';

/** Tasks that belong to one, on its page. */
export const relatedTexts = {
  heading: 'Related tasks',
  groups: {
    schedule: 'By the same schedule',
    same: 'The same, under way or done lately',
    waiting: 'Waiting for this one',
    records: 'About the same records',
  } satisfies Record<Relation, string>,
  firstRecord: 'Changed the first of its records too',
};
