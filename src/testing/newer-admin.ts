import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineAdmin, defineOperation, defineTask } from '../index.ts';

const review = defineOperation(metadata, 'City', {
  name: 'review',
  label: 'Review',
  icon: 'check',
  change: () => ({ status: 'reviewed' }),
});

const greet = defineTask({
  name: 'places.greet',
  params: z.object({}),
  title: 'Greet',
  launchable: { allowed: ({ roles }) => roles.includes('admin') },
  run: () => null,
});

/** The sample of a version that is newer: an operation and a task which the one before does not know. */
export default defineAdmin({
  ...sample,
  definition: import.meta.url,
  tasks: [...(sample.tasks ?? []), greet],
  resources: sample.resources.map((one) =>
    one.model === 'City'
      ? {
          ...one,
          options: { ...one.options, operations: [review, ...(one.options.operations ?? [])] },
        }
      : one,
  ),
});
