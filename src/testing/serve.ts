import { createInterface } from 'node:readline';
import { cities } from '../../docs/examples/permissions.ts';
import sample from '../admin.ts';
import { buildApp } from '../app.ts';
import { roles } from '../auth/users.ts';
import { buildContext } from '../build-context.ts';
import { servePages } from '../cli/serve-pages.ts';
import { parseConfig } from '../config.ts';
import { backendsOf } from '../tasks/assert-backends.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { createDatabase, stopOwnServer } from './database.ts';
import { embeddingHost } from './embedding-host.ts';
import { faxMachine } from './fax-machine.ts';
import { openShop } from './shop.ts';
import { insertUsers, testPassword } from './users.ts';
import type { WantedApp } from './wanted-app.ts';

/**
 * The product for browser journeys, one after the other, in a process that each of them finds warm.
 * `open` and what is wanted, as JSON, on its input: pages and a worker over a database of their own
 * with the whole gazetteer, on a free port; where, is said as one line of JSON. `close`: all that is
 * gone again. Its end: so is the process.
 */
/** With a backend of its own, and no schedule where tasks can only run at once. */
const admin = { ...sample, backends: [faxMachine()] };
const base = {
  ...process.env,
  PORT: '0',
  BULKHEAD_LOG_LEVEL: 'error',
  BULKHEAD_SESSION_SECRET: 'x'.repeat(40),
};
const log = (level: string, message: string, details?: object) =>
  level === 'error' && console.error(message, details);
const names = { admin: 'Ada Admin', editor: 'Eve Editor', viewer: 'Vic Viewer' };
const emailOf = (role: string) => `${role}@example.com`;
const users = Object.fromEntries(
  roles.map((role) => [role, { email: emailOf(role), password: testPassword }]),
);
let close: (() => Promise<void>) | null = null;

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('open ')) say(await open(JSON.parse(line.slice('open '.length))));
  if (line === 'close') say(await end());
}
await end();
await stopOwnServer();
process.exit(0);

async function open({
  env = {},
  hasWorker = true,
  isScoped = false,
  isEmbedded = false,
  isShop = false,
}: WantedApp): Promise<object> {
  const config = parseConfig({ ...base, ...env });
  const { connectionString, drop } = await createDatabase(isShop ? 'empty' : 'seeded');
  if (isEmbedded) {
    const host = await embeddingHost(connectionString);
    close = async () => {
      await host.close();
      await drop();
    };
    return { address: host.address, connectionString, users };
  }
  const others = admin.resources.filter(({ model }) => model !== 'City');
  const served = {
    ...admin,
    ...((isScoped || config.BULKHEAD_BACKEND === 'inline') && { schedules: [] }),
    ...(isScoped && { resources: [cities, ...others] }),
    ...(isShop && { ...(await openShop(connectionString)), schedules: [] }),
  };
  const { db, context } = await buildContext(connectionString, config, served, log);
  await insertUsers(db, (role) => ({ email: emailOf(role), name: names[role] }));
  const app = await buildApp({ admin: served, config, context });
  const address = await servePages(app, config);
  const worker = hasWorker
    ? await startWorker(context, {
        connectionString,
        concurrency: 2,
        backends: backendsOf(context),
      })
    : null;
  close = async () => {
    await app.close();
    await worker?.stop();
    await db.close();
    await drop();
  };
  return { address, connectionString, users };
}

async function end(): Promise<object> {
  await close?.();
  close = null;
  return {};
}

function say(what: object): void {
  console.log(JSON.stringify(what));
}
