import { buildApp } from './app.ts';

const app = await buildApp();
const address = await app.listen({ port: Number(process.env.PORT) });
console.log(`Library is served at ${address}`);
// Nothing ends the process but that nothing is left to do.
process.once('SIGTERM', () => app.close());
