import compress from '@fastify/compress';
import plugin from 'fastify-plugin';

// Below this many bytes the answer fits a packet anyway.
const threshold = 1024;

export const compression = plugin(
  async (app) => void (await app.register(compress, { threshold, encodings: ['br', 'gzip'] })),
  {
    name: 'bulkhead-compress',
  },
);
