import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../../command-line.ts';
import { AppError } from '../../errors.ts';
import { ourFile } from '../../our-files.ts';
import { DefinitionError } from '../../resources/problems.ts';

interface SourceLine {
  file: string;
  line: number | null;
}

/** What a person reads when the definition of a project cannot be loaded: where, and what to do. */
export function loadFailure(error: unknown, file: string): Error {
  if (error instanceof AppError || error instanceof DefinitionError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const sentence =
    unparsed(message) ??
    notThere(error, message) ??
    notGenerated(message) ??
    `The admin cannot be loaded: ${firstLine(message).replace(/\.$/, '')} (${placed(placeOf(error) ?? { file, line: null })})`;
  return new AppError('unloadable-admin', 500, sentence.replace(/(?<![?.])$/, '.'));
}

/** `ParseError: Unexpected token  \n /shop/a.ts:3:7` */
function unparsed(message: string): string | null {
  const [, what = '', file = '', line] =
    /ParseError: ([\s\S]*?)\s+((?:\/|[A-Z]:\\).+):(\d+):\d+\s*$/.exec(message) ?? [];
  if (file === '') return null;
  return `${placed({ file, line: Number(line) })}: ${firstLine(what).replace(/\.$/, '')}: mend what stands there, or just before it`;
}

function notThere(error: unknown, message: string): string | null {
  const { code, requireStack } = error as { code?: string; requireStack?: string[] };
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return null;
  const specifier = /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1];
  if (!specifier) return null;
  const importer = requireStack?.[0] ?? /imported from (.+)$/m.exec(message)?.[1]?.trim();
  const by = importer ? `${placed(importOf(pathOf(importer), specifier))},` : 'The admin';
  const isPath = /^[./]|^[A-Z]:\\|^file:/.test(specifier);
  return `${by} imports ${nameOf(pathOf(specifier))}, which is not there: ${remedy(specifier, isPath)}`;
}

function remedy(specifier: string, isPath: boolean): string {
  if (/generated[\\/]own\b/.test(specifier))
    return `${commandLine('generate', '--schema PATH')} makes it`;
  if (isPath && /generated|prisma|client/i.test(specifier)) return 'npx prisma generate makes it';
  if (specifier === '.prisma/client/default') return 'npx prisma generate makes it';
  if (isPath) return 'is it spelt right?';
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return `npm install ${name} brings a package; a path of your own is one of the paths of tsconfig.json`;
}

/** Of Prisma's older clients: they are there, and empty, until they are generated. */
function notGenerated(message: string): string | null {
  return /did not initialize yet/.test(message)
    ? 'The Prisma client is not generated yet: npx prisma generate makes it'
    : null;
}

/** Where an error was thrown: the first of its lines that is the project's own. */
function placeOf(error: unknown): SourceLine | null {
  const stack = String((error as Error | undefined)?.stack ?? '');
  for (const [, given = '', line] of stack.matchAll(
    /(?:^|\(|\s)((?:file:\/\/)?\/[^\s():]+):(\d+)/gm,
  )) {
    const file = pathOf(given);
    if (file.includes(`${sep}node_modules${sep}`) || file.startsWith(ourFile() + sep)) continue;
    return { file, line: Number(line) };
  }
  return null;
}

/** The line in which a file imports something. */
function importOf(file: string, specifier: string): SourceLine {
  const name = specifier.split(/[\\/]/).at(-1) ?? specifier;
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const index = lines.findIndex(
      (line) => /['"]/.test(line) && (line.includes(specifier) || line.includes(name)),
    );
    return { file, line: index === -1 ? null : index + 1 };
  } catch {
    return { file, line: null };
  }
}

function placed({ file, line }: SourceLine): string {
  return line === null ? nameOf(file) : `${nameOf(file)}, line ${line}`;
}

function pathOf(given: string): string {
  return given.startsWith('file:') ? fileURLToPath(given) : given;
}

/** From the folder of the project, where it is in there. */
export function nameOf(file: string): string {
  if (!file.startsWith(sep)) return file;
  const near = relative(process.cwd(), file);
  return near.startsWith('..') ? file : near;
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '').trim();
}
