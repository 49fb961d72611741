import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { databaseAccount } from '../db/embedded-account.ts';
import { freePort } from '../db/free-port.ts';

/**
 * A pooler in transaction mode before a server: whoever is next gets whichever of a few sessions is
 * free.
 */
export interface Bouncer {
  /** The way through it to a database of the server. */
  through(connectionString: string): string;
  stop(): Promise<void>;
}

/** Debian's PgBouncer, where it is installed. */
export function findBouncer(): string | null {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  return (
    folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path)) ?? null
  );
}

/**
 * Starts one of our own, on a free port of this machine, with so many sessions for each database.
 */
export async function startBouncer(server: string, poolSize: number): Promise<Bouncer> {
  const program = findBouncer();
  if (!program) throw new Error('There is no PgBouncer here: apt-get install pgbouncer');
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-bouncer-'));
  // It refuses to be root, as PostgreSQL does.
  const account = await databaseAccount();
  const { hostname, port, username, password } = new URL(server);
  const own = await freePort();
  const settings = join(folder, 'pgbouncer.ini');
  const [user, secret] = [username, password].map((part) =>
    decodeURIComponent(part).replaceAll("'", "''"),
  );
  await writeFile(
    settings,
    [
      '[databases]',
      `* = host=${hostname} port=${port || '5432'} user='${user}' password='${secret}'`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${own}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      `default_pool_size = ${poolSize}`,
      'max_client_conn = 400',
    ].join('\n'),
    { mode: 0o600 },
  );
  await chmod(folder, 0o700);
  if (account) for (const path of [folder, settings]) await chown(path, account.uid, account.gid);
  const child = spawn(program, ['-q', settings], {
    ...account,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<void>((done) => {
    child.on('error', () => done());
    child.on('close', () => done());
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !(await answers(own)); tries++) {
    if (child.exitCode !== null || tries > 100) {
      await stop();
      throw new Error(`PgBouncer did not start: ${said}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    stop,
    through(connectionString) {
      const url = new URL(connectionString);
      url.host = `127.0.0.1:${own}`;
      return url.href;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}
