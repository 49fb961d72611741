import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import { findRunning } from '../db/embedded.ts';
import { AppError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { readArguments } from './arguments.ts';
import { ofAll, parserOptions } from './command.ts';
import { commands } from './commands.ts';
import { lookingBy } from './doctor.ts';
import { runCommand } from './sentence.ts';
import { usageOf, usageOfAll } from './usage.ts';

const typed = process.argv.slice(2);
const begin = typed.findIndex((one) => one.startsWith('-'));
/** What stands before the first option: the name of a command, and what it is to be done with. */
const words = begin === -1 ? typed : typed.slice(0, begin);
const name = nameIn(words);

/** Commands for whoever runs an installation. */
await runCommand(async () => {
  const command = name === null ? undefined : commands[name];
  if (name === null || !command) {
    readArguments(usageOfAll(commands, words), parserOptions(ofAll), true);
    if (beginsOne(words)) throw new AppError('usage', 500, usageOfAll(commands, words));
    throw new AppError('usage', 500, noCommand(words.join(' ')));
  }
  const options = parserOptions({ ...command.options, ...ofAll });
  const read = () => readArguments(usageOf(name, command), options, true);
  const { positionals, values, config } = name === 'doctor' ? lookingBy(read) : read();
  const rest = positionals.slice(name.split(' ').length);
  if (rest.length > 0 && !command.takes)
    throw new AppError('usage', 500, `"${rest[0]}" stands where nothing does. See --help.`);
  return command.run(values, command.isOffline ? config : await besideRunning(config), rest);
});

/** Where `start` runs on a database of its own, that one. */
async function besideRunning(config: Config): Promise<Config> {
  const running = config.DATABASE_URL ?? (await findRunning(resolve(config.BULKHEAD_FOLDER)));
  return running === null ? config : { ...config, DATABASE_URL: running };
}

/** The longest name of a command that the words begin with. */
function nameIn(some: readonly string[]): string | null {
  for (let count = some.length; count > 0; count--) {
    const joined = some.slice(0, count).join(' ');
    if (Object.hasOwn(commands, joined)) return joined;
  }
  return null;
}

/** Is a word of a name left out, or are all? */
function beginsOne(some: readonly string[]): boolean {
  const begin = some.map((word) => `${word} `).join('');
  return Object.keys(commands).some((one) => `${one} `.startsWith(begin));
}

function noCommand(command: string): string {
  const names = ['start', 'serve', 'work', ...Object.keys(commands)];
  return `There is no command "${command}".${didYouMean(command, names)} See --help.`;
}
