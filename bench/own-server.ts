import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Embedded,
  type EmbeddedOptions,
  removeEmbedded,
  startEmbedded,
} from '../src/db/embedded.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const;

/**
 * A PostgreSQL server for one bench: stopped and removed when it ends, and also when it is told to
 * end before.
 */
export async function onOwnServer<T>(
  options: Omit<EmbeddedOptions, 'folder'>,
  work: (server: Embedded) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'));
  const starting = startEmbedded({ ...options, folder });
  let removed: Promise<void> | null = null;
  const remove = () => {
    removed ??= starting
      .then((server) => server.stop())
      .catch(() => undefined)
      .then(() => removeEmbedded(folder));
    return removed;
  };
  let ending: Promise<void> | null = null;
  const end = () => {
    // Whoever still talks to the server is cut off.
    process.on('uncaughtException', () => undefined);
    ending ??= remove().finally(() => process.exit(130));
  };
  for (const signal of signals) process.on(signal, end);
  try {
    return await work(await starting);
  } finally {
    await (ending ?? remove());
    for (const signal of signals) process.off(signal, end);
  }
}
