import { unsealedNote } from '../audit/audit-secrets.ts';
import { secretNote } from '../auth/session-secret.ts';
import { buildContext } from '../build-context.ts';
import { commandLine } from '../command-line.ts';
import { inProcessName } from '../queue/backend.ts';
import { workerOptionsOf } from '../run-worker.ts';
import { runsInProcess } from '../tasks/assert-backends.ts';
import { startTelling } from '../tasks/hooks/tell.ts';
import { startRetention } from '../tasks/worker/retention.ts';
import { startRecovery, startWorker } from '../tasks/worker/worker.ts';
import { adminOptions, adminUsage, readArguments } from './arguments.ts';
import { bringUp } from './bring-up.ts';
import { directUrl, requireDatabaseUrl } from './connection.ts';
import { connectionsHere } from './connections.ts';
import { ensureFirstUsers } from './first-users.ts';
import { logAt } from './log.ts';
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
  const admin = await bringUp(await openAdmin(values, config), config, connectionString);
  const { db, context } = await buildContext(
    connectionString,
    config,
    admin,
    logAt(config.BULKHEAD_LOG_LEVEL),
  );
  const worker = runsInProcess(context)
    ? await startWorker(context, {
        ...workerOptionsOf(config, directUrl(config)),
        backends: [inProcessName],
      })
    : null;
  void worker?.stoppedByPage.then(() => console.log(workerStopped));
  const { app, address } = await servePages(admin, config, context);
  const recovery = startRecovery(context);
  // Elsewhere it is a worker's.
  const retention = context.settings.background ? null : startRetention(context);
  const telling = startTelling(context, db.pages, null);
  onShutdown(async () => {
    await app.close();
    await worker?.stop();
    await Promise.all([recovery.stop(), telling.stop(), retention?.stop()]);
    await db.close();
  });
  const signIns = await ensureFirstUsers(context, config, address, false);
  console.log(`${admin.name} is served at ${address}`);
  console.log(await connectionsHere('serve', config, directUrl(config)));
  const note = secretNote(config);
  if (note) console.log(note);
  if (db.auditKeys.name === null) console.log(unsealedNote);
  if (signIns.kind === 'link')
    console.log(`Create the first admin, once, within a day: ${signIns.link}`);
});
