import { AppError } from '../errors.ts';

/** Runs a command; what a person can mend is one sentence and exit status 1, a bug is shown whole. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    console.error(sentenceOf(error));
    process.exit(1);
  }
}

function sentenceOf(error: unknown): unknown {
  if (error instanceof AppError) return error.message;
  const { code, port, message, errors } = error as {
    code?: string;
    port?: number;
    message: string;
    errors?: { code?: string; port?: number; message: string }[];
  };
  const first = errors?.[0];
  switch (code ?? first?.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return (message.split('. ')[0] ?? message).replace(/\.?$/, '.');
    case 'EADDRINUSE':
      return `Port ${port} is already taken: set PORT or --port to another.`;
    case 'EACCES':
      return `Not allowed: ${message}.`;
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
      return `${process.env.DATABASE_URL ? 'The database of DATABASE_URL' : 'The embedded database'} cannot be reached (${message || first?.message}).`;
    case '28P01':
    case '28000':
    case '3D000':
      return `The database of DATABASE_URL refused us: ${message}.`;
    default:
      return /timeout|terminated/i.test(message ?? '') ? `The database cannot be reached (${message}).` : error;
  }
}
