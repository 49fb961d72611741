import { directUrl } from '../cli/connection.ts';
import { onShutdown } from '../cli/shutdown.ts';
import { parseConfig } from '../config.ts';
import { runWorker } from '../run-worker.ts';
import { taskKindsAdmin } from './task-kinds-admin.ts';

/** A worker of the admin of `task-kinds-admin.ts`. */
const config = parseConfig(process.env);
const worker = await runWorker(directUrl(config), config, taskKindsAdmin, () => undefined);
onShutdown(() => worker.stop());
console.log('A worker is running.');
