// One of several commands in a folder at a time, for as long as its process lives. Plain JavaScript, no dependencies.
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** Nothing that is done under a lock takes as long: the number of its process has been given to another one. */
const maxMs = 30 * 60_000;
const stepMs = 100;

/** Waits until the lock is ours. `onWait` is told once whose it is. Returns how to give it back. */
export function takeLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${process.pid} ${hostname()}`;
  let hasTold = false;
  while (!make(path, own)) {
    const holder = read(path);
    if (holder === null) continue;
    if (isGone(path, holder)) removeIfStill(path, holder);
    else {
      if (!hasTold) onWait(holder.split(' ')[0]);
      hasTold = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stepMs);
    }
  }
  const release = () => {
    if (read(path) === own) rmSync(path, { force: true });
  };
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** A file is made with what it says in it, or not at all. */
function make(path, text) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function isGone(path, holder) {
  const [pid, host] = holder.split(' ');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) < Date.now() - maxMs;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// Of several who find the same holder gone, one takes its lock away, and never that of the next holder.
function removeIfStill(path, holder) {
  const turn = `${path}.turn`;
  const since = statSync(turn, { throwIfNoEntry: false })?.mtimeMs;
  if (since !== undefined && since < Date.now() - 10_000) rmSync(turn, { force: true });
  if (!make(turn, String(process.pid))) return;
  try {
    if (read(path) === holder) rmSync(path, { force: true });
  } finally {
    rmSync(turn, { force: true });
  }
}
