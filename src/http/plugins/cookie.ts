import cookie from '@fastify/cookie';
import plugin from 'fastify-plugin';

export const cookieParser = plugin(async (app) => void (await app.register(cookie)), {
  name: 'bulkhead-cookie',
});
