import { execFile } from 'node:child_process';
import type { Account } from './embedded-account.ts';

/** Runs `pg_ctl` over a data folder; throws with what it said where it fails. */
export async function pgControl(
  { program, data, account }: { program: string; data: string; account: Account | null },
  args: readonly string[],
): Promise<void> {
  // The server inherits our output unless it is cut off, and would keep a pipe open for ever.
  await new Promise<void>((done, fail) => {
    const child = execFile(program, ['-D', data, '-s', ...args], {
      ...account,
      cwd: '/',
      env: serverEnvironment(),
    });
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    child.on('error', fail);
    child.on('exit', (code) =>
      code === 0 ? done() : fail(new Error(said || `pg_ctl ended with ${code}`)),
    );
  });
}

/** Of PostgreSQL's own programs. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, TZ: 'UTC' };
}
