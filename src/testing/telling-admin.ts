import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { definePage, defineResource } from '../index.ts';
import { defineTask } from '../task-definitions/define-task.ts';

/** Stands in whatever no line may have. */
export const planted = 'pl4nted';

/** Fails with what the database, Prisma and Node say of values. */
export const telling = defineTask({
  name: 'telling',
  params: z.object({ how: z.string(), word: z.string(), token: z.string() }),
  secret: ['token'],
  title: ({ how }) => `Tell by ${how}`,
  attempts: 1,
  async run({ how, word, token }, task) {
    await task.tx(async (tx) => {
      if (how === 'unique')
        await tx.$executeRawUnsafe('insert into gazetteer.tag (name) values ($1), ($1)', word);
      if (how === 'number') await tx.$executeRawUnsafe('select $1::text::int', word);
      if (how === 'raise')
        await tx.$executeRawUnsafe(`do $$ begin raise exception 'no ${word}'; end $$`);
      if (how === 'prisma')
        await (tx as unknown as { tag: { create(given: object): Promise<unknown> } }).tag.create({
          data: { name: word, nothing: word },
        });
      if (how === 'json') JSON.parse(word);
      if (how === 'address') await fetch(`htp://me:${word}@example.com/${token}`);
      if (how === 'token') throw new Error(`refused ${token}`);
    });
  },
});

/** The sample, with code that fails with values. */
export const tellingAdmin = defineAdmin({
  ...sample,
  schedules: [],
  taskHooks: [],
  definition: import.meta.url,
  tasks: [telling],
  pages: [
    definePage({
      path: '/odd/:word',
      hidden: true,
      label: 'Odd',
      view: new URL('../../views/errors/show.eta', import.meta.url),
      load: ({ params }) => JSON.parse(String(params.word)),
    }),
  ],
  resources: [
    defineResource(metadata, 'City', {
      hooks: {
        async afterSave({ record, tx }) {
          if (!String(record.notes).startsWith(planted)) return;
          await (tx as unknown as { tag: { create(given: object): Promise<unknown> } }).tag.create({
            data: { name: record.notes, nothing: record.notes },
          });
        },
      },
    }),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
});
export default tellingAdmin;
