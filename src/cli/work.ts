import { parseArgs } from 'node:util';
import { parseConfig } from '../config.ts';
import { runWorker } from '../worker.ts';
import { directUrl } from './connection.ts';
import { logAt } from './log.ts';
import { adminOptions, openAdmin } from './open-admin.ts';
import { runCommand } from './sentence.ts';
import { onShutdown } from './shutdown.ts';

/** The worker half for production. */
await runCommand(async () => {
  const { values } = parseArgs({ options: adminOptions });
  const config = parseConfig(process.env);
  const { admin } = await openAdmin(values, config);
  const worker = await runWorker(directUrl(config), config, admin, logAt(config.BULKHEAD_LOG_LEVEL));
  onShutdown(() => worker.stop());
  console.log('A worker is running.');
});
