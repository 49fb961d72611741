import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const root = join(import.meta.dirname, '../..');

/** A clone with the packages already in place; what a newcomer has after `npm ci`. The folder around it is the test's own. */
export function clone(t: Pick<TestContext, 'after'>, mode = '755'): string {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-clone-'));
  execFileSync('chmod', [mode, base]);
  const folder = join(base, 'bulkhead');
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, folder]);
  const packages = join(root, 'node_modules');
  if (spawnSync('cp', ['-al', packages, folder]).status !== 0) execFileSync('cp', ['-a', packages, folder]);
  utimesSync(join(folder, 'package-lock.json'), 0, 0);
  t.after(() => {
    const elsewhere = join(folder, '.bulkhead/database-path');
    if (existsSync(elsewhere)) rmSync(readFileSync(elsewhere, 'utf8').trim(), { recursive: true, force: true });
    rmSync(base, { recursive: true, force: true });
  });
  return folder;
}
