import { mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Files in memory, where the system has such a place. */
const place = '/dev/shm';
const gibibyte = 1024 ** 3;

/**
 * A folder for a test server's data, in memory: to copy a template is to make hundreds of files,
 * which takes a disk's file system twenty times as long. Null where there is too little room.
 */
export async function memoryFolder(): Promise<string | null> {
  const room = await statfs(place).catch(() => null);
  if (!room || room.bavail * room.bsize < 4 * gibibyte || process.availableMemory() < 6 * gibibyte)
    return null;
  await removeLeft();
  return mkdtemp(join(place, `bulkhead-test-${process.pid}-`));
}

/** What a run that was killed has left would keep its memory for ever. */
async function removeLeft(): Promise<void> {
  for (const name of await readdir(place)) {
    const [, pid] = /^bulkhead-test-(\d+)-/.exec(name) ?? [];
    if (!pid || isAlive(Number(pid))) continue;
    const folder = join(place, name);
    const server = await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8').catch(() => '');
    if (server !== '' && isAlive(Number.parseInt(server, 10)))
      process.kill(Number.parseInt(server, 10), 'SIGQUIT');
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
