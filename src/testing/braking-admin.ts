import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { defineResource } from '../index.ts';
import { brakeSql } from './brake.ts';

/** In a process that is to: gives way to nothing for a while. */
function spin(): void {
  const ms = Number(process.env.BULKHEAD_TEST_SPIN_MS ?? 0);
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** The sample, with code of its own around every write of a place: a brake at the third one. */
export const brakingAdmin = defineAdmin({
  ...sample,
  schedules: [],
  taskHooks: [],
  resources: [
    defineResource(metadata, 'City', {
      hooks: {
        async afterSave({ record, tx }) {
          if (record.name === 'Place 40') spin();
          if (record.name === 'Place 3') await tx.$queryRawUnsafe(`select ${brakeSql}::text`);
        },
      },
    }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
});
