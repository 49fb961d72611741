import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Code of another commit, as it is run with the packages that are installed now. */
export interface UnpackedCommit {
  readonly folder: string;
  remove(): Promise<void>;
}

/** Throws a sentence where the history does not reach it. */
export async function unpackCommit(ref: string): Promise<UnpackedCommit> {
  const commit = await commitOf(ref);
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-commit-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await run('sh', ['-c', 'git archive "$1" | tar -x -C "$2"', 'sh', commit, folder], {
      cwd: root,
    });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await run(process.execPath, ['scripts/run.mjs', 'generate'], { cwd: folder });
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The whole name of a commit. */
async function commitOf(ref: string): Promise<string> {
  const asked = await run('git', ['rev-parse', '--verify', `${ref}^{commit}`], { cwd: root }).catch(
    () => null,
  );
  if (asked) return asked.stdout.trim();
  throw new Error(
    `There is no commit ${ref} in this clone, whose history is not whole: git fetch --unshallow.`,
  );
}
