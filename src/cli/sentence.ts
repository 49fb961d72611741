import { commandLine } from '../command-line.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { DefinitionError } from '../resources/problems.ts';
import { exitStatuses } from './exit-statuses.ts';

/**
 * Runs a command; what a person can mend is one sentence, with its exit status, and a bug is shown
 * whole. With `--json` what the command returns is all that standard output has.
 */
export async function runCommand(command: () => Promise<unknown>): Promise<void> {
  const isJson = process.argv.includes('--json');
  // What is said meanwhile is for people, and standard output has the document alone.
  if (isJson) console.log = console.error;
  try {
    const document = await command();
    if (isJson) print(document ?? null);
  } catch (error) {
    const said = sentenceOf(error);
    console.error(said);
    if (isJson) print(failureDocument(error, said));
    process.exit(statusOf(error));
  }
}

function print(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

function failureDocument(error: unknown, said: unknown): object {
  const code =
    error instanceof AppError ? error.code : typeof said === 'string' ? 'failed' : 'internal';
  return { error: code, message: typeof said === 'string' ? said : 'An unexpected error.' };
}

function statusOf(error: unknown): number {
  const { code } = (error ?? {}) as { code?: unknown };
  const isUsage = code === 'usage' || String(code).startsWith('ERR_PARSE_ARGS_');
  return isUsage ? exitStatuses.usage : exitStatuses.failed;
}

interface Failure {
  code: string;
  message: string;
  port?: number;
  address?: string;
  path?: string;
  url?: string;
}

type Wording = (failure: Failure) => string;

/** The text that tells a person what to do, or the error itself where it is a bug of ours. */
export function sentenceOf(error: unknown): unknown {
  if (error instanceof AppError) return asTyped(error.message);
  if (error instanceof DefinitionError)
    return `The admin cannot be started:\n${error.problems.map((problem) => `  ${problem}`).join('\n')}`;
  const failure = failureOf(error);
  const word =
    byCode[failure.code] ?? byMessage.find(([pattern]) => pattern.test(failure.message))?.[1];
  const text = word?.(failure);
  return text === undefined ? error : asTyped(text);
}

// Whoever typed the address knows nothing of the variable.
function asTyped(text: string): string {
  const isTyped = process.argv.some((argument) => /^--database(=|$)/.test(argument));
  return isTyped ? text.replace(/(?<!DIRECT_)\bDATABASE_URL\b/g, '--database') : text;
}

/**
 * What counts of an error: of several, as when a name has two addresses, of the first; of one that
 * wraps another, of that one.
 */
function failureOf(error: unknown): Failure {
  const given = (
    typeof error === 'object' && error !== null ? error : { message: String(error) }
  ) as Partial<Failure> & {
    errors?: unknown[];
    cause?: unknown;
  };
  const inner =
    given.errors?.[0] ?? (given.code === undefined && given.cause ? given.cause : undefined);
  if (inner !== undefined) {
    const found = failureOf(inner);
    return { ...found, message: found.message || String(given.message ?? '') };
  }
  return { ...given, code: String(given.code ?? ''), message: String(given.message ?? '') };
}

// The database that is meant, in the words of whoever set it.
const database = () =>
  process.env.DATABASE_URL || process.argv.some((argument) => /^--database(=|$)/.test(argument))
    ? 'The database of DATABASE_URL'
    : 'The embedded database';

const unreachable: Wording = ({ message }) =>
  `${database()} cannot be reached (${withoutStop(message)}): does PostgreSQL run there, and is the address right?`;
const refusal: Wording = ({ message }) =>
  `The database of DATABASE_URL refused us: ${withoutStop(message)}.`;
const argument: Wording = ({ message }) =>
  `${withoutStop(message.split('. ')[0] ?? message)}. See --help.`;
const certificate: Wording = ({ message }) =>
  `The certificate of the database of DATABASE_URL cannot be trusted (${withoutStop(message)}): name its authority with sslrootcert=…, or write sslmode=no-verify to encrypt without asking who answers.`;
const notWritable: Wording = ({ message }) =>
  `A file or folder cannot be written (${withoutStop(message)}): set BULKHEAD_FOLDER to a folder that can.`;
const notThere: Wording = ({ message }) =>
  `A file is not there that a setting or the address of the database names (${withoutStop(message)}).`;
const noRoom: Wording = ({ message }) =>
  `There is no room left on the disk (${withoutStop(message)}).`;
const busy: Wording = ({ message }) =>
  `${database()} takes no more connections (${withoutStop(message)}): allow more there, or set smaller pools (BULKHEAD_PAGES_POOL_SIZE).`;
const code: Wording = ({ message }) =>
  `A file of the admin cannot be read as TypeScript that Node runs (${firstLine(message)}): write it without enum, namespace and constructor properties, and import files with their ending .ts.`;

const byCode: Readonly<Record<string, Wording>> = {
  ERR_PARSE_ARGS_UNKNOWN_OPTION: argument,
  ERR_PARSE_ARGS_INVALID_OPTION_VALUE: argument,
  ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL: argument,
  EADDRINUSE: ({ port }) => `Port ${port} is already taken: set PORT or --port to another.`,
  EADDRNOTAVAIL: ({ address }) =>
    `This machine has no address ${address ?? ''}: set HOST to one that it has, such as 127.0.0.1 or 0.0.0.0.`,
  EACCES: ({ message, port }) =>
    port === undefined
      ? notWritable({ code: 'EACCES', message })
      : `Not allowed to listen on port ${port}: set PORT or --port to one above 1023.`,
  EPERM: notWritable,
  EROFS: notWritable,
  ENOTDIR: notWritable,
  EEXIST: notWritable,
  ENOENT: notThere,
  ENOSPC: noRoom,
  [sqlstate.diskFull]: noRoom,
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  [sqlstate.adminShutdown]: unreachable,
  [sqlstate.cannotConnectNow]: ({ message }) =>
    `${database()} is not ready (${withoutStop(message)}): try again in a moment.`,
  [sqlstate.invalidPassword]: refusal,
  [sqlstate.invalidAuthorization]: refusal,
  [sqlstate.undefinedDatabase]: refusal,
  [sqlstate.tooManyConnections]: busy,
  [sqlstate.configurationLimitExceeded]: busy,
  [sqlstate.readOnlyTransaction]: () =>
    'The database of DATABASE_URL only lets us read: name the server that takes writes, and a role whose default_transaction_read_only is off.',
  [sqlstate.insufficientPrivilege]: ({ message }) =>
    `The database role lacks a right (${withoutStop(message)}): it must be allowed to read and write your tables, and once to make the schemas of ours, or run "${commandLine('migrate', '--sql')}" and let whoever administers the database run what it prints.`,
  [sqlstate.undefinedTable]: ({ message }) =>
    `A table is not there (${withoutStop(message)}): start "${commandLine('serve')}" once, or run "${commandLine('migrate')}", which make ours; then the other commands.`,
  [sqlstate.undefinedSchema]: ({ message }) =>
    `A Postgres schema is not there (${withoutStop(message)}): run "${commandLine('migrate')}", which makes ours.`,
  [sqlstate.protocolViolation]: ({ message }) =>
    `What answers at DATABASE_URL is a pooler that does not pass this on (${withoutStop(message)}): set DIRECT_DATABASE_URL to the server itself.`,
  ERR_INVALID_URL: () =>
    'DATABASE_URL is no address: in its user and password write odd characters as a URL does, such as %23 for #, %40 for @, %2F for / and %3A for :.',
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate,
  CERT_HAS_EXPIRED: certificate,
  ERR_TLS_CERT_ALTNAME_INVALID: certificate,
  ERR_MODULE_NOT_FOUND: ({ message }) => {
    const missing = /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1] ?? 'a module';
    const remedy = missing.includes('generated')
      ? `make it with "${commandLine('generate', '--schema …')}"`
      : 'is it spelt right, and its ending .ts written?';
    return `${missing} is not there, which an admin imports: ${remedy}`.replace(/(?<![?.])$/, '.');
  },
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: code,
  ERR_INVALID_TYPESCRIPT_SYNTAX: code,
  ERR_UNKNOWN_FILE_EXTENSION: code,
  ERR_UNSUPPORTED_DIR_IMPORT: code,
};

/** Failures that have no code of their own. */
const byMessage: readonly (readonly [RegExp, Wording])[] = [
  [
    /does not support SSL connections/,
    () =>
      'The database of DATABASE_URL does not speak TLS: leave sslmode out of its address, or write sslmode=disable.',
  ],
  [
    /client password must be a string/,
    () =>
      'The database of DATABASE_URL asks for a password, and the address has none: write postgresql://user:password@host/database.',
  ],
  [
    /does not provide an export named/,
    ({ message }) => `A file of the admin imports what is not exported (${firstLine(message)}).`,
  ],
  [/^Client network socket disconnected|timeout|terminated/i, unreachable],
];

function withoutStop(message: string): string {
  return firstLine(message).replace(/\.$/, '');
}

function firstLine(message: string): string {
  return (message.split('\n').find((line) => line.trim() !== '') ?? '').trim();
}
