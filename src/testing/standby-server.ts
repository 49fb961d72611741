import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { reachableBinaries } from '../db/embedded.ts';
import { type Account, databaseAccount } from '../db/embedded-account.ts';
import { freePort } from '../db/free-port.ts';
import { pgControl, serverEnvironment } from '../db/pg-control.ts';
import { memoryFolder } from './memory-folder.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** A server of PostgreSQL that streams to standbys, or is one. */
export interface StreamingServer {
  readonly port: number;
  /** To the database `postgres`, as its superuser. */
  readonly connectionString: string;
  urlOf(database: string): string;
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  /** Ends every process of it at once, without a word to anybody. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface StandbyServer extends StreamingServer {
  /** From then on it takes writes; resolves when it does. */
  promote(): Promise<void>;
  /** Resolves when it has replayed what its primary has written by now. */
  catchUp(): Promise<void>;
}

export interface PrimaryOptions {
  /** Folder of `initdb`, `pg_ctl` and `postgres`; default: the embedded server's. */
  programs?: string;
  /** Of postgresql.conf. */
  settings?: Readonly<Record<string, string>>;
  /** Default: one that is free. */
  port?: number;
}

export interface StandbyOptions extends Pick<PrimaryOptions, 'settings' | 'port'> {
  /** Its slot and its application_name; lower-case letters and underscores. */
  name?: string;
  /** The primary acknowledges nothing that has not come here (`synchronous_standby_names`). */
  isSynchronous?: boolean;
  /** Where it reaches its primary, when that is not straight there. */
  primaryPort?: number;
}

interface ServerPlace {
  programs: string;
  account: Account | null;
  folder: string;
  data: string;
  password: string;
}

const user = 'bulkhead';

/**
 * Starts a server of its own that standbys can follow. Nothing of it is on disk for good, yet what
 * it has committed outlives `kill`.
 */
export async function startPrimary(options: PrimaryOptions = {}): Promise<StreamingServer> {
  const password = randomBytes(12).toString('hex');
  const place = await makePlace(password, options.programs);
  const passwordFile = join(place.folder, 'password');
  await writeFile(passwordFile, password);
  await own(place, passwordFile);
  await run(
    join(place.programs, 'initdb'),
    [
      ...['-D', place.data, '-U', user, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ],
    { ...place.account, cwd: '/', env: serverEnvironment() },
  );
  const server = await serverAt(place, options);
  await server.start();
  await server.query(`alter role ${user} set search_path = public`);
  return server;
}

const primaries = new WeakMap<StreamingServer, ServerPlace>();
/** Whoever starts on the copy makes anew what is in these. */
const emptyFolders =
  /^pg_(wal|replslot|dynshmem|notify|serial|snapshots|stat_tmp|subtrans)$|pgsql_tmp/;
const leftOut = /^(postmaster\.(pid|opts)|standby\.signal|backup_label.*)$|pg_internal\.init/;

/** Starts a standby of a primary: a copy of its files, which then follows through a slot. */
export async function startStandby(
  primary: StreamingServer,
  options: StandbyOptions = {},
): Promise<StandbyServer> {
  const from = primaries.get(primary);
  if (!from) throw new Error('that is no primary of ours');
  const { name = `standby_${randomBytes(3).toString('hex')}`, isSynchronous = false } = options;
  const place = await makePlace(from.password, from.programs);
  await primary.query('select pg_create_physical_replication_slot($1, true)', [name]);
  const session = await connected(primary.connectionString);
  try {
    await session.query(`select pg_backup_start('standby', true)`);
    await copyFolder(from, place);
    const { rows } = await session.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(false)',
    );
    await put(place, 'backup_label', rows[0]?.labelfile ?? '');
  } finally {
    await session.end();
  }
  await put(place, 'standby.signal', '');
  await put(
    place,
    'postgresql.auto.conf',
    [
      `primary_conninfo = 'host=127.0.0.1 port=${options.primaryPort ?? primary.port} user=${user} password=${from.password} application_name=${name}'`,
      `primary_slot_name = '${name}'`,
    ].join('\n'),
  );
  const server = await serverAt(place, options);
  await server.start();
  if (isSynchronous) {
    await primary.query(`alter system set synchronous_standby_names = '${name}'`);
    await primary.query('select pg_reload_conf()');
  }
  await until(
    async () =>
      (
        await primary.query(
          `select from pg_stat_replication where application_name = $1 and state = 'streaming' and (sync_state = 'sync') = $2`,
          [name, isSynchronous],
        )
      ).length > 0,
  );
  return Object.assign(server, {
    async promote() {
      await pgControl(controlOf(place), ['promote', '-w', '-t', '60']);
    },
    async catchUp() {
      const [now] = await primary.query<{ lsn: string }>(
        'select pg_current_wal_lsn()::text as lsn',
      );
      await until(async () => {
        const [has] = await server.query<{ all: boolean }>(
          'select pg_last_wal_replay_lsn() >= $1::pg_lsn as all',
          [now?.lsn],
        );
        return has?.all === true;
      });
    },
  });
}

async function makePlace(password: string, given?: string): Promise<ServerPlace> {
  const account = await databaseAccount();
  const folder = (await memoryFolder()) ?? (await mkdtemp(join(tmpdir(), 'bulkhead-streaming-')));
  const programs = given ?? dirname((await reachableBinaries(account)).pg_ctl);
  const place = { programs, account, folder, password, data: join(folder, 'postgres') };
  await mkdir(place.data, { mode: 0o700 });
  for (const path of [folder, place.data]) await own(place, path);
  return place;
}

async function serverAt(
  place: ServerPlace,
  { settings = {}, port: given }: Pick<PrimaryOptions, 'settings' | 'port'>,
): Promise<StreamingServer> {
  const port = given ?? (await freePort());
  const urlOf = (database: string) =>
    `postgresql://${user}:${place.password}@127.0.0.1:${port}/${database}`;
  const flags = Object.entries({
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '64MB',
    fsync: 'off',
    wal_retrieve_retry_interval: '200ms',
    ...settings,
  })
    .map(([name, value]) => `-c ${name}='${value}'`)
    .join(' ');
  const server: StreamingServer = {
    port,
    urlOf,
    connectionString: urlOf('postgres'),
    async query<R extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const client = await connected(urlOf('postgres'));
      try {
        return (await client.query<R>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    kill: () => killAll(place),
    start: () =>
      pgControl(controlOf(place), [
        'start',
        '-w',
        '-t',
        '60',
        '-l',
        join(place.folder, 'log'),
        '-o',
        flags,
      ]),
    async stop() {
      await pgControl(controlOf(place), ['stop', '-m', 'immediate', '-w', '-t', '30']).catch(
        () => undefined,
      );
      await rm(place.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  primaries.set(server, place);
  return server;
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: 'standby server' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Files come and go while they are copied: what is missed is in the log that is replayed. */
async function copyFolder(from: ServerPlace, to: ServerPlace, under = ''): Promise<void> {
  const entries = await readdir(join(from.data, under), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(under, entry.name);
    const target = join(to.data, path);
    if (entry.isDirectory()) {
      await mkdir(target, { mode: 0o700 });
      await own(to, target);
      if (!emptyFolders.test(path)) await copyFolder(from, to, path);
    } else if (!leftOut.test(path)) {
      try {
        await copyFile(join(from.data, path), target);
        await own(to, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}

async function put(place: ServerPlace, name: string, text: string): Promise<void> {
  const path = join(place.data, name);
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
  await own(place, path);
}

async function own({ account }: ServerPlace, path: string): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

/** Its children first know of the end when they next look: they are ended with it. Resolves when all of them are gone. */
async function killAll({ data }: ServerPlace): Promise<void> {
  const all = await processes();
  const [first] = all.find(([, , , args = '']) => args.includes(` -D ${data} `)) ?? [];
  if (!first) throw new Error('it does not run');
  const pids = [first, ...all.filter(([, parent]) => parent === first).map(([pid]) => pid)];
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await until(async () => (await processes()).every(([pid = '']) => !pids.includes(pid)));
}

/** Those whose sockets are open: id, id of the parent, state, command. */
async function processes(): Promise<readonly string[][]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat=,args=']);
  return stdout
    .split('\n')
    .map((line) => (/^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []).slice(1))
    .filter(([, , state]) => state !== undefined && !state.startsWith('Z'));
}

function controlOf({ programs, account, data }: ServerPlace) {
  return { program: join(programs, 'pg_ctl'), data, account };
}
