import { glob } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** What a test needs: nothing, a database, or pages in a browser. Its file's name says so. */
export const kinds = ['unit', 'db', 'browser'] as const;
export type Kind = (typeof kinds)[number];

export type TestFiles = Record<Kind, string[]>;

/**
 * Files whose tests take longest: begun first, each in a process of its own, so that none is left
 * at the end with the other cores idle. Those that need one, for the folder that they go to or for
 * what they do after all of their tests, stand below them.
 */
const slowest = [
  'src/testing/behind-bouncer.db.test.ts',
  'src/tasks/worker/killed-workers.db.test.ts',
  'src/tasks/journeys/task-table.db.test.ts',
  'src/cli/schema/minimal-schemas.db.test.ts',
  'src/tasks/worker/killed-follow-ups.db.test.ts',
  'src/cli/start.db.test.ts',
  'src/cli/schema/start-with-schema.db.test.ts',
  'src/tasks/journeys/model.db.test.ts',
  'src/http/waiting.db.test.ts',
  'src/http/limits.db.test.ts',
  'src/http/torture.db.test.ts',
  'src/http/bulk/previews-routes.db.test.ts',
  'src/cli/sentence.db.test.ts',
  'src/cli/killed-starts.db.test.ts',
  'src/tasks/journeys/duels.db.test.ts',
  'src/cli/disk-full.db.test.ts',
  'src/cli/migrate-at-once.db.test.ts',
  'src/cli/connections-exhausted.db.test.ts',
  'src/tasks/follow-ups/undo-cascade.db.test.ts',
  'src/http/secrets.db.test.ts',
  'src/tasks/journeys/change-model.db.test.ts',
  'src/cli/your-own-database.db.test.ts',
  'src/cli/package.db.test.ts',
  'src/cli/planted-mistakes.db.test.ts',
  'src/cli/init/from-init-to-pages.db.test.ts',
  'src/cli/check.test.ts',
  'src/cli/init/init.test.ts',
  'src/cli/project/load-module.test.ts',
  'src/cli/refined-schema.test.ts',
  'src/cli/schema/link-packages.test.ts',
  'src/metadata/client-module.test.ts',
];

/**
 * Every file of tests, by what it needs; of `paths`, files or folders as they are typed, those
 * alone.
 */
export async function findTestFiles(
  paths: readonly string[] = [],
  cwd = process.env.INIT_CWD ?? process.cwd(),
): Promise<TestFiles> {
  const found: string[] = [];
  const exclude = (name: string) => name === 'node_modules' || name === 'generated';
  for await (const path of glob(['**/*.test.ts', 'e2e/*.spec.ts'], { cwd: root, exclude }))
    found.push(path);
  const stale = slowest.filter((path) => !found.includes(path));
  if (stale.length > 0)
    throw new Error(`scripts/test-files.ts names what is not there: ${stale.join(', ')}`);
  found.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const chosen = paths.length === 0 ? found : paths.flatMap((path) => within(path, found, cwd));
  const files: TestFiles = { unit: [], db: [], browser: [] };
  for (const path of new Set(chosen)) files[kindOf(path)].push(path);
  return files;
}

/** One of those that take longest. */
export function isLong(path: string): boolean {
  return slowest.includes(path);
}

function kindOf(path: string): Kind {
  if (path.endsWith('.spec.ts')) return 'browser';
  return path.endsWith('.db.test.ts') ? 'db' : 'unit';
}

function rank(path: string): number {
  const place = slowest.indexOf(path);
  return place < 0 ? slowest.length : place;
}

/** Throws where there is no test in it. */
function within(path: string, found: readonly string[], cwd: string): string[] {
  const wanted = relative(root, resolve(cwd, path));
  const those = found.filter(
    (file) => wanted === '' || file === wanted || file.startsWith(`${wanted}/`),
  );
  if (those.length === 0) throw new Error(`There is no test in ${path}.`);
  return those;
}
