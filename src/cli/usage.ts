import { commandLine } from '../command-line.ts';
import { type Command, ofAll } from './command.ts';
import type { Commands } from './commands.ts';

/** What `--help` of one command says. */
export function usageOf(name: string, command: Command): string {
  const all = { ...command.options, ...ofAll };
  const width = Math.max(...Object.keys(all).map((option) => shownOption(option, all).length)) + 2;
  const lines = Object.entries(all).map(
    ([option, { says }]) => `  ${shownOption(option, all).padEnd(width)}${says}`,
  );
  const usage = commandLine(name, [command.takes, '[OPTIONS]'].filter(Boolean).join(' '));
  return [`Usage: ${usage}`, '', command.says, '', ...lines, '', endings].join('\n');
}

function shownOption(name: string, options: Command['options']): string {
  const value = options[name]?.value;
  return value ? `--${name} ${value}` : `--${name}`;
}

export const endings =
  'Ends with 0: done; 1: refused, failed, not found, or found wrong; 2: typed wrongly; 3: not over in time.';

/** What `--help` says of all of them, or of those that begin with some words. */
export function usageOfAll(commands: Commands, words: readonly string[]): string {
  const begin = words.map((word) => `${word} `).join('');
  const some = Object.entries(commands).filter(([name]) => `${name} `.startsWith(begin));
  const halves =
    begin === '' ? ['start', 'serve', 'work'].map((name) => [name, halvesSay[name]]) : [];
  const lines = [
    ...halves,
    ...some.map(([name, { says, takes }]) => [takes ? `${name} ${takes}` : name, says]),
  ];
  const width = Math.max(...lines.map(([name = '']) => name.length)) + 2;
  return [
    'Usage:',
    ...lines.map(([name = '', says]) => `  ${name.padEnd(width)}${says}`),
    '',
    `As in "${commandLine('migrate', '--check')}"; --help of each says more.`,
    `--database URL stands in place of DATABASE_URL: ${commandLine('start', '--database URL')}`,
    endings,
  ].join('\n');
}

const halvesSay: Readonly<Record<string, string>> = {
  start: 'Pages and a worker in one process, on an embedded PostgreSQL or DATABASE_URL.',
  serve: 'The pages.',
  work: 'A worker.',
};
