import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { assertKnownSettings, type Config, parseConfig, unknownSettings } from '../config.ts';
import { addressOf } from './database/address-of.ts';
import { enterProject } from './project/enter-project.ts';

/** Options of every command that opens the admin: what is administered. */
export const adminOptions = {
  admin: { type: 'string' },
  schema: { type: 'string' },
  database: { type: 'string' },
  'ignore-differences': { type: 'boolean' },
} as const;

export const adminUsage = '[--database URL] [--admin PATH | --schema PATH [--ignore-differences]]';

/** Options that say a setting for this once. */
const settingOf = {
  database: 'DATABASE_URL',
  port: 'PORT',
  queues: 'BULKHEAD_QUEUES',
  'probe-port': 'BULKHEAD_PROBE_PORT',
  concurrency: 'BULKHEAD_PLACES',
};

/**
 * What was typed, and the settings of the environment and of the project's `.env`, in whose folder
 * the command is from here on. `--help` is answered here; settings that nobody knows are named.
 */
export function readArguments<const O extends ParseArgsOptionsConfig>(
  usage: string,
  options: O,
  allowPositionals = false,
) {
  const { values, positionals } = parseArgs({
    allowPositionals,
    options: { ...options, help: { type: 'boolean', short: 'h' } },
  });
  if ((values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  enterProject((values as { admin?: string }).admin);
  const typed = values as { database?: string };
  if (typed.database !== undefined) typed.database = addressOf(typed.database);
  const given = Object.entries(settingOf).flatMap(([option, name]) => {
    const value = (values as Record<string, string | undefined>)[option];
    return value === undefined ? [] : [[name, value]];
  });
  const config: Config = parseConfig({ ...process.env, ...Object.fromEntries(given) });
  assertKnownSettings(config, process.env);
  for (const sentence of unknownSettings(process.env)) console.error(sentence);
  return { values, positionals, config };
}
