import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineOperation } from '../index.ts';

/** Puts places away. A featured one is on somebody's front page: it is taken off there first. */
export const archive = defineOperation(metadata, 'City', {
  name: 'archive',
  label: 'Archive',
  icon: 'archive',
  on: ['selection', 'record'],
  needs: ['featured', 'status'],
  refuse: ({ featured, status }) =>
    featured && status !== 'archived' ? 'A featured place is not archived.' : null,
  change: () => ({ status: 'archived' }),
});
