import { runWorker } from '../run-worker.ts';
import { adminOptions, readArguments } from './arguments.ts';
import { bringUp } from './bring-up.ts';
import { directUrl, requireDatabaseUrl } from './connection.ts';
import { logAt } from './log.ts';
import { openAdmin } from './open-admin.ts';
import { runCommand } from './sentence.ts';
import { onShutdown } from './shutdown.ts';

const usage = [
  'Usage: npm run work -- [--schema PATH [--ignore-differences]]',
  '',
  'A worker, on the database of DATABASE_URL; there may be any number of them. Settings: docs/settings.md.',
].join('\n');

/** The worker half for production. */
await runCommand(async () => {
  const { values, config } = readArguments(usage, adminOptions);
  const connectionString = requireDatabaseUrl(config);
  const admin = await bringUp(await openAdmin(values, config), config, connectionString);
  const worker = await runWorker(
    directUrl(config),
    config,
    admin,
    logAt(config.BULKHEAD_LOG_LEVEL),
  );
  onShutdown(() => worker.stop());
  console.log('A worker is running.');
});
