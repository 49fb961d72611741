import { pathToFileURL } from 'node:url';
import type { AdminDefinition } from '../admin-definition.ts';
import { directUrl } from '../cli/connection.ts';
import { onShutdown } from '../cli/shutdown.ts';
import { parseConfig } from '../config.ts';
import { runWorker } from '../run-worker.ts';

/** A worker of the admin that the file named by the first argument exports. */
const [, , file = ''] = process.argv;
const exported: Record<string, unknown> = await import(pathToFileURL(file).href);
const admin = Object.values(exported).find(isAdmin);
if (!admin) throw new Error(`${file} exports no admin.`);
const config = parseConfig(process.env);
const worker = await runWorker(directUrl(config), config, admin, () => undefined);
onShutdown(() => worker.stop());
console.log('A worker is running.');

function isAdmin(value: unknown): value is AdminDefinition {
  return typeof value === 'object' && value !== null && 'createClient' in value;
}
