import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from './test-files.ts';
import { queueVariable, takeNext } from './test-queue.ts';

/**
 * A process of tests: takes one file after the other, so that what they import is loaded and warm
 * for all but the first. A test of the file's name ends each: the file could be read, and leaves
 * nothing behind that the next would find.
 */
const folder = process.env[queueVariable] as string;
/**
 * What tests held is not all forgotten by the runner: a process that has grown leaves the rest to
 * others.
 */
const maxBytes = 1_000 * 1_024 ** 2;

// Each is opened when it is first asked for, whoever asks.
void [process.stdin, process.stdout, process.stderr];

for (let file = next(); file !== null; file = next()) {
  const environment = { ...process.env };
  const open = heldOpen();
  const read = await import(pathToFileURL(resolve(root, file)).href).then(
    () => null,
    (error: unknown) => ({ error }),
  );
  // Tests at the root take turns: this one's is when those of the file have ended.
  await test(file, async () => {
    if (read) throw read.error;
    assert.deepEqual({ ...process.env }, environment, 'the environment is as it was found');
    assert.deepEqual(await leftOpen(open), [], 'nothing is left open');
  });
  // What was told of it is on its way before the next one, which may end the process, begins.
  await new Promise((done) => setTimeout(done, 1));
}

// What a file has left open, which was told, does not keep this one from its end.
setTimeout(() => process.exit(1), 1_000).unref();

function next(): string | null {
  return process.memoryUsage.rss() > maxBytes ? null : takeNext(folder);
}

/** What keeps the process alive, by its kind. */
function heldOpen(): string[] {
  return process.getActiveResourcesInfo();
}

/**
 * What would keep the process of the file alone from its end; what was just closed takes a moment.
 */
async function leftOpen(before: readonly string[]): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const free = [...before];
    const left = heldOpen().filter((kind) => {
      const place = free.indexOf(kind);
      if (place >= 0) free.splice(place, 1);
      return place < 0;
    });
    if (left.length === 0 || tries === 100) return left;
    await new Promise((done) => setTimeout(done, 50));
  }
}
