import { setTimeout as wait } from 'node:timers/promises';
import { buildApp } from './app.ts';

const app = await buildApp();
const address = await app.listen({ port: Number(process.env.PORT) });
console.log(`Library is served at ${address}`);
// Nothing ends the process but that nothing is left to do.
process.once('SIGTERM', async () => {
  await app.close();
  // What was just closed takes a moment.
  await wait(500);
  const open = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap');
  console.log(`Left open: ${open.join(', ') || 'nothing'}`);
});
