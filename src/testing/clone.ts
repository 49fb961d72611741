import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const root = join(import.meta.dirname, '../..');

/** What the first command makes of the sources, with the stamps that say of which. */
const made = [
  'generated/sample',
  'generated/sample-metadata',
  'generated/.sample',
  'generated/.styles',
  'public/build',
];

/**
 * A clone with the packages already in place; what a newcomer has after `npm ci`, or, `isUsed`,
 * after the first command. The folder around it is the test's own.
 */
export function clone(
  t: Pick<TestContext, 'after'>,
  { mode = '755', isUsed = false } = {},
): string {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-clone-'));
  execFileSync('chmod', [mode, base]);
  const folder = join(base, 'bulkhead');
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, folder]);
  const packages = join(root, 'node_modules');
  if (spawnSync('cp', ['-al', packages, folder]).status !== 0)
    execFileSync('cp', ['-a', packages, folder]);
  if (isUsed) execFileSync('cp', ['-a', '--parents', ...made, folder], { cwd: root });
  utimesSync(join(folder, 'package-lock.json'), 0, 0);
  t.after(() => {
    const elsewhere = join(folder, '.bulkhead/database-path');
    if (existsSync(elsewhere))
      rmSync(readFileSync(elsewhere, 'utf8').trim(), { recursive: true, force: true });
    rmSync(base, { recursive: true, force: true });
  });
  return folder;
}
