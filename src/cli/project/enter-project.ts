import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadEnvFile } from 'node:process';
import { AppError } from '../../errors.ts';
import { isPackage, ourFile } from '../../our-files.ts';
import { findProject } from './find-project.ts';
import { typedPath } from './typed-path.ts';

/**
 * Goes to the folder of the project that a command is typed in, or of the file that `--admin` names,
 * and reads its `.env`; what the environment has already is left as it is.
 */
export function enterProject(admin?: string): void {
  const { folder } = findProject(admin === undefined ? typedPath() : dirname(typedPath(admin)));
  if (!existsSync(folder)) return;
  process.chdir(folder);
  if (isRepository()) return;
  const file = join(folder, '.env');
  if (!existsSync(file)) return;
  try {
    loadEnvFile(file);
  } catch (error) {
    const wrong = `${file} cannot be read as lines of NAME=value (${(error as Error).message.replace(/\.$/, '')})`;
    throw new AppError('invalid-settings', 500, `${wrong}.`, { wrong: [wrong] });
  }
}

/** Whether a command is run in the repository itself, whose own sample is its project. */
export function isRepository(): boolean {
  return !isPackage && process.cwd() === ourFile();
}
