import admin from '../admin.ts';
import { createUser } from '../auth/users.ts';
import { servePages } from '../cli/serve-pages.ts';
import { parseConfig } from '../config.ts';
import { buildContext } from '../build-context.ts';
import { startWorker } from '../tasks/worker.ts';
import { createDatabase, stopOwnServer } from './database.ts';

/**
 * The product for one browser journey: a database of its own with the whole gazetteer, pages and a worker, on a free
 * port. Says where as one line of JSON; ends, and drops the database, when its input ends.
 */
const { connectionString, drop } = await createDatabase('seeded');
const config = parseConfig({ ...process.env, PORT: '0', BULKHEAD_LOG_LEVEL: 'error', BULKHEAD_SESSION_SECRET: 'x'.repeat(40) });
const log = (level: string, message: string, details?: object) => level === 'error' && console.error(message, details);
const { db, ctx } = await buildContext(connectionString, config, admin, log);
const users: Record<string, { email: string; password: string }> = {};
for (const [role, name] of [
  ['admin', 'Ada Admin'],
  ['editor', 'Eve Editor'],
  ['viewer', 'Vic Viewer'],
] as const) {
  users[role] = { email: `${role}@example.com`, password: `a long password of ${role}` };
  await createUser(db, { ...users[role], name, roles: [role] });
}
const { app, address } = await servePages(admin, config, ctx);
const worker = await startWorker(ctx, { connectionString, concurrency: 2 });
console.log(JSON.stringify({ address, connectionString, users }));

process.stdin.resume();
process.stdin.on('end', async () => {
  await app.close();
  await worker.stop();
  await db.close();
  await drop();
  await stopOwnServer();
  process.exit(0);
});
