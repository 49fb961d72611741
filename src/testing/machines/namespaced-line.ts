import { execFile } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type StreamingServer, startPrimary } from '../standby-server.ts';
import { startWorkerProcess } from '../worker-process.ts';
import type { CuttableLine } from './half-open.ts';
import { CannotRun } from './install.ts';

const run = promisify(execFile);

const names = {
  space: 'bulkhead-far',
  bridge: 'bulkhead0',
  near: 'bulkhead-near',
  far: 'bulkhead-far0',
};
const network = '10.213.77';
const here = `${network}.1`;

/** A server that another namespace of this machine reaches by its network. */
export async function startReachable(): Promise<StreamingServer> {
  const server = await startPrimary({
    settings: { listen_addresses: '*', max_connections: '300' },
  });
  const [{ file = '' } = {}] = await server.query<{ file: string }>(
    `select current_setting('hba_file') as file`,
  );
  await appendFile(file, `\nhost all all ${network}.0/24 scram-sha-256\n`);
  await server.query('select pg_reload_conf()');
  return server;
}

/**
 * A worker in a network namespace of its own, behind a bridge: taken off the bridge, its link stays
 * up on both sides, and every packet is lost. Throws CannotRun.
 */
export async function namespacedLine(
  connectionString: string,
  after: (undo: () => unknown) => void,
): Promise<CuttableLine> {
  const ip = async (...args: string[]) => {
    await run('ip', args);
  };
  after(remove);
  await remove();
  try {
    await ip('netns', 'add', names.space);
    await ip('link', 'add', names.bridge, 'type', 'bridge');
    await ip('address', 'add', `${here}/24`, 'dev', names.bridge);
    await ip('link', 'set', names.bridge, 'up');
    await ip('link', 'add', names.near, 'type', 'veth', 'peer', 'name', names.far);
    await ip('link', 'set', names.far, 'netns', names.space);
    await ip('link', 'set', names.near, 'master', names.bridge, 'up');
    await ip('-n', names.space, 'address', 'add', `${network}.2/24`, 'dev', names.far);
    await ip('-n', names.space, 'link', 'set', names.far, 'up');
    await ip('-n', names.space, 'link', 'set', 'lo', 'up');
  } catch (error) {
    throw new CannotRun(
      `This needs network namespaces, which this machine does not let us make (${(error as Error).message.trim().split('\n').at(-1)}): run it as root, in a container with CAP_NET_ADMIN and CAP_SYS_ADMIN.`,
    );
  }
  const address = new URL(connectionString);
  address.hostname = here;
  return {
    startFar: (env) =>
      startWorkerProcess(address.href, env, null, ['ip', 'netns', 'exec', names.space]),
    cut: () => ip('link', 'set', names.near, 'nomaster'),
    mend: () => ip('link', 'set', names.near, 'master', names.bridge),
  };
}

async function remove(): Promise<void> {
  await run('ip', ['netns', 'delete', names.space]).catch(() => undefined);
  for (const link of [names.near, names.bridge])
    await run('ip', ['link', 'delete', link]).catch(() => undefined);
}
