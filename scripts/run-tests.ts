import { availableParallelism } from 'node:os';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import type { Tally } from './tally.ts';
import { root } from './test-files.ts';

/** Files side by side, each in a process of its own: one more than there are cores, since some wait while others compute. */
const sideBySide = availableParallelism() + 1;

/** Runs files of tests by Node's own runner, in the order given. */
export async function runTests(files: readonly string[], tally: Tally): Promise<void> {
  const before = tally.passed + tally.failed;
  const events = run({ files, cwd: root, concurrency: sideBySide, timeout: 600_000 });
  const hear = (isPassed: boolean) => (data: Heard) => {
    // A file is reported as a suite around its tests; alone it counts only when it failed to run.
    const isFile = data.details.type === 'suite' || (data.nesting === 0 && data.name.endsWith('.test.ts'));
    if (isFile && isPassed) return;
    // One that cannot run here says why; any other that is skipped did not pass.
    if (typeof data.skip === 'string') tally.skip(data.name, data.skip);
    else tally.count(data.name, isPassed && !data.skip && !data.todo, data.details.duration_ms);
  };
  events.on('test:pass', hear(true));
  events.on('test:fail', hear(false));
  for await (const text of events.compose(spec)) process.stdout.write(String(text));
  if (tally.passed + tally.failed === before) tally.count('no test was found', false);
}

interface Heard {
  name: string;
  nesting: number;
  details: { type?: string | undefined; duration_ms: number };
  skip?: string | boolean | undefined;
  todo?: string | boolean | undefined;
}
