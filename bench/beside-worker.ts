import { directUrl } from '../src/cli/connection.ts';
import { onShutdown } from '../src/cli/shutdown.ts';
import { parseConfig } from '../src/config.ts';
import { runWorker } from '../src/run-worker.ts';
import { besideAdmin } from './beside-admin.ts';

/** A worker of the admin of `beside-admin.ts`. */
const config = parseConfig(process.env);
const worker = await runWorker(directUrl(config), config, besideAdmin, () => undefined);
onShutdown(() => worker.stop());
console.log('A worker is running.');
