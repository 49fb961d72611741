import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, chmod, chown, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { AppError } from '../errors.ts';
import { type Account, canReach, databaseAccount } from './embedded-account.ts';
import { type Binaries, packagedBinaries } from './embedded-binaries.ts';
import { freePort } from './free-port.ts';
import { pgControl, serverEnvironment } from './pg-control.ts';
import { sqlstate } from './sqlstate.ts';

const run = promisify(execFile);

/** A PostgreSQL server of our own, from the npm package's binaries. */
export interface Embedded {
  readonly connectionString: string;
  /** Stops the server (fast: open transactions are rolled back) and frees the folder. */
  stop(): Promise<void>;
  /** Frees the folder and lets the server run: whoever starts it next finds it. */
  leave(): Promise<void>;
  /** Ends the server at once, without a word to anybody, and starts it again at the same port. */
  crash(): Promise<void>;
}

export interface EmbeddedOptions {
  /** `.bulkhead`, or wherever the project keeps its state. */
  folder: string;
  /** Where the data goes instead, when it is first made. */
  dataFolder?: string;
  database?: string;
  /** Tests do without durability, and without a password that takes long to try. */
  isDurable?: boolean;
  maxConnections?: number;
  /** Libraries of extensions that must be there from the start. */
  preload?: readonly string[];
}

/** Taken for as long as the app runs; whoever else finds it taken is a second instance. */
const instanceLock = 0x42_4c_4b_00;

/**
 * Starts the embedded server, or takes over one left by an app that was killed. One app a folder: a
 * second one is AppError 'already-running'.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const folder = resolve(options.folder);
  const database = options.database ?? 'bulkhead';
  await makeFolder(folder);
  const account = await databaseAccount();
  const place = await findPlace(folder, account, options.dataFolder);
  const password = await keepPassword(folder);
  if (!(await exists(join(place.data, 'PG_VERSION'))))
    await initialise(place, account, password, options);
  const { port, session } = await findOrStart(place, account, options, password);
  await ensureDatabase(session, database);
  return {
    connectionString: urlOf(port, password, database),
    crash: () =>
      pgControl({ program: place.binaries.pg_ctl, data: place.data, account }, [
        'restart',
        '-m',
        'immediate',
        '-w',
        '-t',
        '60',
        '-l',
        place.log,
      ]),
    leave: () => session.end().catch(() => undefined),
    async stop() {
      await session.end().catch(() => undefined);
      await stopAt(place, account);
    },
  };
}

/** Where the app works that runs on the server of this folder, for whoever comes beside it; null: none does. */
export async function findRunning(folder: string): Promise<string | null> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const base = (await read(join(folder, 'database-path'))).trim() || folder;
  const password = (await read(join(folder, 'postgres-password'))).trim();
  const port = Number((await read(join(base, 'postgres', 'postmaster.pid'))).split('\n')[3]);
  if (password === '' || !port) return null;
  const session = new pg.Client({
    connectionString: urlOf(port, password, 'postgres'),
    connectionTimeoutMillis: maxWaitMs,
  });
  session.on('error', () => undefined);
  try {
    await session.connect();
    const { rows } = await session.query<{ name: string }>(
      `select datname as name from pg_stat_activity where usename = current_user and datname <> 'postgres' order by backend_start limit 1`,
    );
    return rows[0] ? urlOf(port, password, rows[0].name) : null;
  } catch {
    // What a killed server has left.
    return null;
  } finally {
    await session.end().catch(() => undefined);
  }
}

/** Stops the server that somebody left running in this folder, if there is one. */
export async function stopEmbedded(folder: string): Promise<void> {
  const account = await databaseAccount();
  await stopAt(await findPlace(resolve(folder), account), account);
}

async function stopAt(place: ServerFolders, account: Account | null): Promise<void> {
  await pgControl({ program: place.binaries.pg_ctl, data: place.data, account }, [
    'stop',
    '-m',
    'fast',
    '-w',
    '-t',
    '30',
  ]).catch(() => undefined);
}

/** Removes a stopped server's data, wherever it had to be put; the folder itself too. */
export async function removeEmbedded(folder: string): Promise<void> {
  const elsewhere = await readFile(join(folder, 'database-path'), 'utf8').catch(() => null);
  if (elsewhere) await rm(elsewhere.trim(), { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.gitignore'), '*\n');
  } catch (error) {
    throw new AppError(
      'unwritable-folder',
      500,
      `The folder ${folder} cannot be written (${(error as Error).message}).`,
    );
  }
}

interface ServerFolders {
  binaries: Binaries;
  data: string;
  log: string;
}

// As root the server runs as another user, who may not be able to reach a clone under root's own
// home.
async function findPlace(
  folder: string,
  account: Account | null,
  given?: string,
): Promise<ServerFolders> {
  const remembered = await readFile(join(folder, 'database-path'), 'utf8').catch(() => null);
  const binaries = await packagedBinaries();
  const isNear =
    remembered === null &&
    !given &&
    (account === null ||
      ((await canReach(account, binaries.initdb)) && (await canReach(account, folder))));
  if (isNear)
    return {
      binaries,
      data: join(folder, 'postgres'),
      log: join(folder, 'postgres', 'server.log'),
    };
  const base =
    remembered?.trim() ??
    given ??
    join('/var/lib/bulkhead', createHash('sha256').update(folder).digest('hex').slice(0, 16));
  await mkdir(base, { recursive: true, mode: 0o711 });
  await writeFile(join(folder, 'database-path'), `${base}\n`);
  if (account) await chown(base, account.uid, account.gid);
  return {
    binaries: await reachableBinaries(account),
    data: join(base, 'postgres'),
    log: join(base, 'postgres', 'server.log'),
  };
}

/** The package's programs, where that user can run them. */
export async function reachableBinaries(account: Account | null): Promise<Binaries> {
  const own = await packagedBinaries();
  return account && !(await canReach(account, own.initdb)) ? copyBinaries(own) : own;
}

/** Copies the binaries (60 MB) once per version to where every user can go. */
async function copyBinaries(from: Binaries): Promise<Binaries> {
  const native = resolve(from.initdb, '../..');
  const { version } = JSON.parse(await readFile(resolve(native, '../package.json'), 'utf8')) as {
    version: string;
  };
  const to = `/var/lib/bulkhead/postgresql-${version}`;
  if (!(await exists(to))) {
    const part = `${to}.${process.pid}`;
    await mkdir('/var/lib/bulkhead', { recursive: true, mode: 0o711 });
    await cp(native, part, { recursive: true, verbatimSymlinks: true });
    await chmod(part, 0o755);
    await rename(part, to).catch(() => rm(part, { recursive: true, force: true }));
  }
  return { initdb: join(to, 'bin/initdb'), pg_ctl: join(to, 'bin/pg_ctl') };
}

async function keepPassword(folder: string): Promise<string> {
  const path = join(folder, 'postgres-password');
  const kept = await readFile(path, 'utf8').catch(() => null);
  if (kept) return kept.trim();
  const password = randomBytes(24).toString('hex');
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}

async function initialise(
  place: ServerFolders,
  account: Account | null,
  password: string,
  options: EmbeddedOptions,
): Promise<void> {
  // An interrupted initdb leaves a folder that cannot be used; without PG_VERSION there is nothing
  // in it to lose.
  await rm(place.data, { recursive: true, force: true });
  await mkdir(place.data, { recursive: true, mode: 0o700 });
  const passwordFile = `${place.data}.pw`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) {
    await chown(place.data, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  const encoding = [
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=PG_UNICODE_FAST',
  ];
  const hasty = options.isDurable === false ? ['--no-sync', '--set', 'scram_iterations=1'] : [];
  try {
    await run(
      place.binaries.initdb,
      [
        '-D',
        place.data,
        '-U',
        'bulkhead',
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        ...encoding,
        ...hasty,
      ],
      { ...account, cwd: '/', env: serverEnvironment() },
    );
  } catch (error) {
    await rm(place.data, { recursive: true, force: true });
    throw new AppError(
      'database-not-initialised',
      500,
      `The embedded PostgreSQL could not be set up in ${place.data}: ${lastLine(error)}`,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function urlOf(port: number, password: string, database: string): string {
  return `postgresql://bulkhead:${password}@127.0.0.1:${port}/${database}`;
}

/** One that was just killed looks alive for a moment, or keeps its memory; one that recovers is not open yet. */
const maxWaitMs = 10_000;
const notYet = ['ECONNREFUSED', 'ECONNRESET', sqlstate.cannotConnectNow, 'database-not-started'];

/** Takes the server that is alive in this folder, or starts it. */
async function findOrStart(
  place: ServerFolders,
  account: Account | null,
  options: EmbeddedOptions,
  password: string,
): Promise<{ port: number; session: pg.Client }> {
  const deadline = Date.now() + maxWaitMs;
  for (;;) {
    try {
      const port = (await livePort(place, account)) ?? (await start(place, account, options));
      return { port, session: await takeInstanceLock(urlOf(port, password, 'postgres')) };
    } catch (error) {
      if (Date.now() > deadline || !notYet.includes((error as { code?: string }).code ?? ''))
        throw error;
      await new Promise((done) => setTimeout(done, 250));
    }
  }
}

/** Port of a server that is alive in this folder, else null. */
async function livePort(place: ServerFolders, account: Account | null): Promise<number | null> {
  try {
    await pgControl({ program: place.binaries.pg_ctl, data: place.data, account }, ['status']);
  } catch {
    return null;
  }
  const lines = (await readFile(join(place.data, 'postmaster.pid'), 'utf8').catch(() => '')).split(
    '\n',
  );
  return Number(lines[3]) || null;
}

async function start(
  place: ServerFolders,
  account: Account | null,
  options: EmbeddedOptions,
): Promise<number> {
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: options.maxConnections ?? 100,
    shared_buffers: '256MB',
    max_wal_size: options.isDurable === false ? '1GB' : '4GB',
    ...(options.preload ? { shared_preload_libraries: options.preload.join(',') } : {}),
    ...(options.isDurable === false
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
      : {}),
  };
  const flags = Object.entries(settings)
    .map(([name, value]) => `-c ${name}='${value}'`)
    .join(' ');
  try {
    // pg_ctl puts the server into a session of its own, so that Ctrl-C reaches the app first and the server last.
    await pgControl({ program: place.binaries.pg_ctl, data: place.data, account }, [
      'start',
      '-w',
      '-t',
      '60',
      '-l',
      place.log,
      '-o',
      flags,
    ]);
  } catch (error) {
    throw new AppError(
      'database-not-started',
      500,
      `The embedded PostgreSQL did not start (see ${place.log}): ${lastLine(error)}`,
    );
  }
  return port;
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n').at(-1) ?? '';
}

async function takeInstanceLock(connectionString: string): Promise<pg.Client> {
  for (let tries = 1; ; tries++) {
    const session = new pg.Client({
      connectionString,
      application_name: 'bulkhead instance',
      keepAlive: true,
    });
    session.on('error', () => undefined);
    await session.connect();
    const { rows } = await session.query<{ is_taken: boolean }>(
      'select pg_try_advisory_lock($1) as is_taken',
      [instanceLock],
    );
    if (rows[0]?.is_taken) return session;
    await session.end();
    // The server may need a moment to notice that a killed app is gone.
    if (tries === 10)
      throw new AppError('already-running', 500, 'Bulkhead is already running in this folder.');
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function ensureDatabase(session: pg.Client, name: string): Promise<void> {
  // The role is called as Bulkhead's Postgres schema: by PostgreSQL's default, what somebody makes by psql would land among our tables.
  await session.query('alter role bulkhead set search_path = public');
  const { rowCount } = await session.query('select 1 from pg_database where datname = $1', [name]);
  if (rowCount === 0) await session.query(`create database ${session.escapeIdentifier(name)}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
