import { parseArgs } from 'node:util';
import { parseConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { buildContext } from '../server.ts';
import { startRecovery } from '../tasks/worker.ts';
import { directUrl, requireDatabaseUrl } from './connection.ts';
import { ensureFirstUsers } from './first-users.ts';
import { logAt } from './log.ts';
import { migrateAll } from './migrate-all.ts';
import { adminOptions, openAdmin } from './open-admin.ts';
import { runCommand } from './sentence.ts';
import { servePages } from './serve-pages.ts';
import { onShutdown } from './shutdown.ts';

/** The web half for production. */
await runCommand(async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' }, ...adminOptions } });
  const config = parseConfig({ ...process.env, ...(values.port === undefined ? {} : { PORT: values.port }) });
  const connectionString = requireDatabaseUrl(config);
  const opened = await openAdmin(values, config);
  await (await openDatabase({ connectionString })).close();
  await migrateAll(directUrl(config), config, opened.admin);
  const admin = await opened.bringUp(directUrl(config));
  const { db, ctx } = await buildContext(connectionString, config, admin, logAt(config.BULKHEAD_LOG_LEVEL));
  const { app, address } = await servePages(admin, config, ctx);
  const recovery = startRecovery(ctx);
  onShutdown(async () => {
    await app.close();
    await recovery.stop();
    await db.close();
  });
  const signIns = await ensureFirstUsers(db, config, address);
  console.log(`${admin.name} is served at ${address}`);
  if (signIns.kind === 'link') console.log(`Create the first admin, once, within a day: ${signIns.link}`);
});
