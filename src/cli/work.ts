import { commandLine } from '../command-line.ts';
import { jsonLog } from '../log/json-log.ts';
import { runWorker } from '../run-worker.ts';
import { adminOptions, adminUsage, readArguments } from './arguments.ts';
import { bringUp } from './bring-up.ts';
import { directUrl, requireDatabaseUrl } from './connection.ts';
import { connectionsHere } from './connections.ts';
import { openAdmin } from './open-admin.ts';
import { leaveOutQueueTraces } from './queue-traces.ts';
import { runCommand } from './sentence.ts';
import { onShutdown } from './shutdown.ts';
import { unheardQueues } from './unheard-queues.ts';

const usage = [
  `Usage: ${commandLine('work', `[--queues NAMES] [--concurrency N] [--probe-port N] ${adminUsage}`)}`,
  '',
  'A worker, on the database of DATABASE_URL; there may be any number of them. Settings: docs/settings.md.',
  '',
  '  --queues mail,reports   takes tasks of these queues alone; bulk work is the queue “bulk”. All unless given.',
  '  --probe-port N          answers /healthz, /readyz and /metrics at this port of HOST, for whoever watches it.',
  '  --concurrency N         runs so many tasks of your own at a time, beside bulk work. As many as cores, at most 8.',
].join('\n');

/** The worker half for production. */
await runCommand(async () => {
  leaveOutQueueTraces();
  const { values, config } = readArguments(usage, {
    ...adminOptions,
    queues: { type: 'string' },
    concurrency: { type: 'string' },
    'probe-port': { type: 'string' },
  });
  const connectionString = requireDatabaseUrl(config);
  const admin = await bringUp(await openAdmin(values, config), config, connectionString);
  for (const sentence of unheardQueues(config.BULKHEAD_QUEUES, admin)) console.error(sentence);
  const connections = await connectionsHere('work', config, directUrl(config));
  const worker = await runWorker(
    directUrl(config),
    config,
    admin,
    jsonLog(config.BULKHEAD_LOG_LEVEL),
  );
  const end = onShutdown(() => worker.stop());
  void worker.stoppedByPage.then(() => {
    console.log('The worker has stopped, as somebody asked on a page.');
    end();
  });
  void worker.wornOut.then((why) => {
    console.log(`The worker has stopped, for whatever keeps it running to start it anew. ${why}`);
    end();
  });
  console.log('A worker is running.');
  if (worker.probeAddress) console.log(`It is watched at ${worker.probeAddress}/readyz`);
  console.log(connections);
});
