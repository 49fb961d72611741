import { resolve } from 'node:path';
import { assertSecretSet } from '../auth/session-secret.ts';
import { commandLine } from '../command-line.ts';
import { primaryUrl } from '../db/client.ts';
import { type Embedded, startEmbedded } from '../db/embedded.ts';
import { jsonLog } from '../log/json-log.ts';
import { openSite } from '../open-site.ts';
import { adminOptions, adminUsage, readArguments } from './arguments.ts';
import { bringUp } from './bring-up.ts';
import { directUrl } from './connection.ts';
import { connectionsHere } from './connections.ts';
import { ensureFirstUsers, type SignIns } from './first-users.ts';
import { openAdmin } from './open-admin.ts';
import { progressBar } from './progress-bar.ts';
import { leaveOutQueueTraces } from './queue-traces.ts';
import { runCommand } from './sentence.ts';
import { servePages } from './serve-pages.ts';
import { onShutdown, workerStopped } from './shutdown.ts';

const usage = [
  `Usage: ${commandLine('start', `${adminUsage} [--port PORT] [--keep-database]`)}`,
  '',
  'Everything in one process: the pages and one worker, on an embedded PostgreSQL or the database of DATABASE_URL.',
  '--keep-database leaves the embedded one running, for the next start. Settings: docs/settings.md.',
].join('\n');

/** The whole product in one process: database, migrations, sample, pages and one worker. */
await runCommand(async () => {
  leaveOutQueueTraces();
  const { values, config } = readArguments(usage, {
    port: { type: 'string' },
    'keep-database': { type: 'boolean' },
    ...adminOptions,
  });
  assertSecretSet(config, process.env);
  const opened = await openAdmin(values, config);
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  onShutdown(stop);
  try {
    const connectionString = config.DATABASE_URL ?? (await embedded()).connectionString;
    const direct = directUrl(config, connectionString);
    const admin = await bringUp(opened, config, connectionString);
    const bar = progressBar('Filling the sample');
    await admin.seed?.(await primaryUrl(direct), bar.update);
    bar.end();

    const connections = await connectionsHere('start', config, direct);
    const {
      app,
      context,
      worker,
      stop: close,
    } = await openSite({
      admin,
      config,
      connectionString,
      direct,
      hasWorker: true,
      log: jsonLog(config.BULKHEAD_LOG_LEVEL),
    });
    undo.push(close);
    const address = await servePages(app, config);
    void worker?.stoppedByPage.then(() => console.log(workerStopped));
    console.log(connections);
    say(
      admin.name,
      address,
      await ensureFirstUsers(context, config, address, config.DATABASE_URL === undefined),
    );
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }

  async function embedded(): Promise<Embedded> {
    const server = await startEmbedded({
      folder: resolve(config.BULKHEAD_FOLDER),
      database: opened.database,
    });
    undo.push(() => (values['keep-database'] ? server.leave() : server.stop()));
    return server;
  }
});

function say(name: string, address: string, signIns: SignIns): void {
  console.log(`\n${name} is running at ${address}\n`);
  if (signIns.kind === 'sample') {
    console.log('Sign in with');
    for (const { email, password, role } of signIns.users)
      console.log(`  ${role.padEnd(7)} ${email}  ${password}`);
  }
  if (signIns.kind === 'link')
    console.log(`Create the first admin, once, within a day: ${signIns.link}`);
  console.log('\nCtrl-C stops it.');
}
