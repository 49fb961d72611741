import { startRelay } from '../relay.ts';
import { startWorkerProcess } from '../worker-process.ts';
import type { CuttableLine } from './half-open.ts';

/** Through a relay that swallows what both sides say. */
export async function relayedLine(
  connectionString: string,
  after: (undo: () => unknown) => void,
): Promise<CuttableLine> {
  const relay = await startRelay(connectionString);
  after(() => relay.stop());
  return {
    startFar: (env) => startWorkerProcess(relay.through(connectionString), env),
    cut: () => relay.swallow(),
    mend: () => relay.swallowNothingMore(),
  };
}
