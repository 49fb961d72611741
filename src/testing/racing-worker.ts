import { directUrl } from '../cli/connection.ts';
import { onShutdown } from '../cli/shutdown.ts';
import { parseConfig } from '../config.ts';
import { runWorker } from '../run-worker.ts';
import { racingAdmin } from './racing-admin.ts';

/** A worker of the admin of `racing-admin.ts`. */
const config = parseConfig(process.env);
const worker = await runWorker(directUrl(config), config, racingAdmin, () => undefined);
onShutdown(() => worker.stop());
console.log('A worker is running.');
