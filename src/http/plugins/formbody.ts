import formbody from '@fastify/formbody';
import plugin from 'fastify-plugin';
import { limits } from '../../limits.ts';

/** What is sent here are forms and nothing else. A key that is repeated becomes an array. */
export const forms = plugin(
  async (app) => {
    app.removeAllContentTypeParsers();
    await app.register(formbody, { bodyLimit: limits.form.bytes });
  },
  { name: 'bulkhead-formbody' },
);
