import formbody from '@fastify/formbody';
import plugin from 'fastify-plugin';

/** A selection is kept on the server and long texts have a page of their own, so no form of ours is large. */
export const largestForm = 1024 * 1024;

/** The longest text that a page edits, and the form that it makes: a byte takes up to three there. */
export const largestText = 16 * 1024 * 1024;
export const largestTextForm = 3 * largestText + largestForm;

/** One that is kept in a sign-in page: sealed, it takes a third more, and a letter beyond ASCII six bytes for one of two. */
export const largestSealedForm = 4 * largestForm;

// A key that is repeated becomes an array.
export const forms = plugin(async (app) => void (await app.register(formbody, { bodyLimit: largestForm })), { name: 'bulkhead-formbody' });
