import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError } from '../errors.ts';

const run = promisify(execFile);

/** The system user that PostgreSQL runs as when we are root: it refuses to be root itself. */
export interface Account {
  uid: number;
  gid: number;
}

/** Null when we are not root and the server runs as ourselves. */
export async function databaseAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  return (await findAccount()) ?? (await createAccount());
}

async function findAccount(): Promise<Account | null> {
  try {
    const [uid, gid] = await Promise.all([
      run('id', ['-u', 'postgres']),
      run('id', ['-g', 'postgres']),
    ]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

async function createAccount(): Promise<Account> {
  await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]).catch(() => undefined);
  const account = await findAccount();
  if (account) return account;
  throw new AppError(
    'no-database-account',
    500,
    'PostgreSQL does not run as root and no user "postgres" could be made: set DATABASE_URL or start as an ordinary user.',
  );
}

/** Whether that user can reach a path: every folder above must let it through. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  return run('test', ['-r', path], { ...account, cwd: '/' }).then(
    () => true,
    () => false,
  );
}
