import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/**
 * What was typed after a command of `scripts` or `bench`. `--help` is answered here, and so is what
 * it does not know.
 */
export function readOptions<const O extends ParseArgsOptionsConfig>(
  usage: string,
  options: O,
  allowPositionals = false,
) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
    if ((values as { help?: boolean }).help) {
      console.log(usage);
      process.exit(0);
    }
    return { values, positionals };
  } catch (error) {
    return wrongUsage(usage, (error as Error).message);
  }
}

export function wrongUsage(usage: string, why?: string): never {
  console.error([...(why ? [why] : []), usage].join('\n'));
  process.exit(1);
}
