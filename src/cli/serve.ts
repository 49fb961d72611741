import { unsealedNote } from '../audit/audit-secrets.ts';
import { assertSecretSet, secretNote } from '../auth/session-secret.ts';
import { commandLine } from '../command-line.ts';
import { jsonLog } from '../log/json-log.ts';
import { openSite } from '../open-site.ts';
import { adminOptions, adminUsage, readArguments } from './arguments.ts';
import { bringUp } from './bring-up.ts';
import { directUrl, requireDatabaseUrl } from './connection.ts';
import { connectionsHere } from './connections.ts';
import { ensureFirstUsers } from './first-users.ts';
import { openAdmin } from './open-admin.ts';
import { runCommand } from './sentence.ts';
import { servePages } from './serve-pages.ts';
import { onShutdown, workerStopped } from './shutdown.ts';

const usage = [
  `Usage: ${commandLine('serve', `${adminUsage} [--port PORT]`)}`,
  '',
  `The pages, on the database of DATABASE_URL; "${commandLine('work')}" runs what takes longer. Settings: docs/settings.md.`,
].join('\n');

/** The web half for production. */
await runCommand(async () => {
  const { values, config } = readArguments(usage, { port: { type: 'string' }, ...adminOptions });
  const connectionString = requireDatabaseUrl(config);
  assertSecretSet(config, process.env);
  const admin = await bringUp(await openAdmin(values, config), config, connectionString);
  const connections = await connectionsHere('serve', config, directUrl(config));
  const { app, context, worker, stop } = await openSite({
    admin,
    config,
    connectionString,
    direct: directUrl(config),
    hasWorker: false,
    log: jsonLog(config.BULKHEAD_LOG_LEVEL),
  });
  void worker?.stoppedByPage.then(() => console.log(workerStopped));
  onShutdown(stop);
  const address = await servePages(app, config).catch(async (error) => {
    await stop();
    throw error;
  });
  const signIns = await ensureFirstUsers(context, config, address, false);
  console.log(`${admin.name} is served at ${address}`);
  console.log(connections);
  const note = secretNote(config);
  if (note) console.log(note);
  if (context.db.auditKeys.name === null) console.log(unsealedNote);
  if (signIns.kind === 'link')
    console.log(`Create the first admin, once, within a day: ${signIns.link}`);
});
