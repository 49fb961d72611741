import formbody from '@fastify/formbody';
import plugin from 'fastify-plugin';

/** A selection is kept on the server, so no form of ours is large. */
export const largestForm = 1024 * 1024;

/** One that is kept in a sign-in page: sealed, it takes a third more, and a letter beyond ASCII six bytes for one of two. */
export const largestSealedForm = 4 * largestForm;

// A key that is repeated becomes an array.
export const forms = plugin(async (app) => void (await app.register(formbody, { bodyLimit: largestForm })), { name: 'bulkhead-formbody' });
