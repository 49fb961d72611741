import { bulkhead } from 'bulkhead';
import fastify from 'fastify';
import admin from './bulkhead.config.ts';

const app = fastify();
await app.register(bulkhead, { prefix: '/admin', admin });
app.get('/', async () => 'The shop');

const address = await app.listen({
  host: process.env.HOST ?? '0.0.0.0',
  port: Number(process.env.PORT),
});
console.log(`The shop is served at ${address}`);
process.once('SIGTERM', () => app.close());
