import type { ParseArgsOptionsConfig } from 'node:util';
import type { Config } from '../config.ts';

/** An option, with what it is for. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** In the line of usage; a switch has none: `STATE`. */
  readonly value?: string;
  readonly says: string;
}

// biome-ignore lint/suspicious/noExplicitAny: each command reads its own
export type CommandValues = any;

/** A command for whoever runs an installation. */
export interface Command {
  /** What it does, in a sentence. */
  readonly says: string;
  /** What stands after its name beside options: `ID…`. */
  readonly takes?: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** What --json gives, in words. */
  readonly gives: string;
  /** It needs no database, and asks one only where that is named. */
  readonly isOffline?: true;
  /**
   * Says what it did on standard output; what it returns is printed in its place with `--json`.
   * `words` is what stands after its name.
   */
  run(typed: CommandValues, config: Config, words: readonly string[]): Promise<unknown>;
}

/** Of every command that opens the admin. */
export const ofAdmin = {
  schema: { type: 'string', value: 'PATH', says: 'a Prisma schema that pages are made of' },
  'ignore-differences': {
    type: 'boolean',
    says: 'goes on where the database is not what the schema says',
  },
} as const satisfies Command['options'];

/** Of every command. */
export const ofAll = {
  admin: {
    type: 'string',
    value: 'PATH',
    says: 'the file that exports the admin, or where its project is',
  },
  database: { type: 'string', value: 'URL', says: 'in place of DATABASE_URL' },
  json: {
    type: 'boolean',
    says: 'prints one JSON document on standard output, and everything else on standard error',
  },
  help: { type: 'boolean', says: 'says this' },
} as const satisfies Command['options'];

/** As Node's parser takes them. */
export function parserOptions(options: Command['options']): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
}

const isJson = process.argv.includes('--json');

/** What was done, for people: programs have the document. */
export function say(text: string): void {
  if (!isJson) console.log(text);
}
