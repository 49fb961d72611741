import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Config, parseConfig, unknownSettings } from '../config.ts';

/** Options of every command that opens the admin: what is administered. */
export const adminOptions = {
  schema: { type: 'string' },
  'ignore-differences': { type: 'boolean' },
} as const;

/**
 * What was typed, and the settings of the environment. `--help` is answered here; settings that
 * nobody knows are named.
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
  for (const sentence of unknownSettings(process.env)) console.error(sentence);
  const { port } = values as { port?: string };
  const config: Config = parseConfig({
    ...process.env,
    ...(port === undefined ? {} : { PORT: port }),
  });
  return { values, positionals, config };
}
