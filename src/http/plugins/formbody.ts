import formbody from '@fastify/formbody';
import plugin from 'fastify-plugin';

// A selection is kept on the server, so no form of ours is large. A key that is repeated becomes an array.
const largestBody = 1024 * 1024;

export const forms = plugin(async (app) => void (await app.register(formbody, { bodyLimit: largestBody })), { name: 'bulkhead-formbody' });
