import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { isLong, root } from './test-files.ts';
import { leftIn, makeQueue, queueVariable } from './test-queue.ts';
import type { TestTally } from './test-tally.ts';

/** Processes side by side: one more than there are cores, since some wait while others compute. */
const sideBySide = availableParallelism() + 1;

const taker = 'scripts/take-tests.ts';

export interface TestRun {
  /** Made for it and removed after it. */
  folder: string;
  tally: TestTally;
  processes?: number;
}

/**
 * Runs files of tests by Node's own runner: those that take longest each in a process of its own,
 * the others in a few that take one after the other (`take-tests.ts`).
 */
export async function runTests(
  files: readonly string[],
  { folder, tally, processes = sideBySide }: TestRun,
): Promise<void> {
  const before = tally.passed + tally.failed;
  const isShared = (file: string) => !isLong(file);
  const own = files.filter((file) => !isShared(file));
  await runProcesses(own, files.filter(isShared), { folder, tally, processes });
  if (tally.passed + tally.failed === before) tally.count('no test was found', false);
}

async function runProcesses(
  own: readonly string[],
  shared: readonly string[],
  given: Required<TestRun>,
): Promise<void> {
  const { folder, tally, processes } = given;
  const queue = await makeQueue(shared, folder);
  const takers = Array.from({ length: Math.min(processes, shared.length) }, () => taker);
  const events = run({
    files: [...own, ...takers],
    cwd: root,
    concurrency: processes,
    timeout: 600_000,
    env: { ...process.env, [queueVariable]: queue },
  });
  const ended = new Set<string>();
  const running = new Map<string, string>();
  const hear = (isPassed: boolean) => (data: Heard) => {
    // A file is reported as a suite around its tests, or at their end; alone it counts only when
    // something is wrong with it.
    const isFile =
      data.details.type === 'suite' ||
      (data.nesting === 0 && (data.name.endsWith('.test.ts') || data.name === taker));
    if (isFile) ended.add(data.name);
    if (isFile && isPassed) return;
    // One that cannot run here says why; any other that is skipped did not pass.
    if (typeof data.skip === 'string') tally.skip(data.name, data.skip);
    else
      tally.count(
        data.name,
        isPassed && !data.skip && !data.todo,
        data.details.duration_ms,
        reasonOf(data),
      );
  };
  events.on('test:pass', hear(true));
  events.on('test:fail', hear(false));
  events.on('test:dequeue', ({ file, name }) => file && running.set(file, name));
  for await (const text of events.compose(spec)) process.stdout.write(String(text));

  const left = await leftIn(queue);
  for (const file of shared) {
    if (ended.has(file) || left.includes(file)) continue;
    console.log(
      `\n${file} ended its process in the middle of: ${running.get(resolve(root, file)) ?? 'its beginning'}`,
    );
    tally.count(file, false);
  }
  // A process that ended, or had grown, leaves its rest to others.
  if (left.length === 0) return;
  if (left.length < shared.length) await runProcesses([], left, given);
  else tally.count(`${left.join(', ')} could not be begun`, false);
}

/** Where a test that failed stands, and with what. */
function reasonOf({ file, line, details }: Heard): string {
  const { error } = details;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return [file && `${relative(root, file)}:${line}`, cause instanceof Error && cause.stack]
    .filter(Boolean)
    .join('\n');
}

interface Heard {
  name: string;
  nesting: number;
  file?: string | undefined;
  line?: number | undefined;
  details: { type?: string | undefined; duration_ms: number; error?: unknown };
  skip?: string | boolean | undefined;
  todo?: string | boolean | undefined;
}
