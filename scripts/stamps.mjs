// What has been made from which content, so that it is made once. Plain JavaScript, no dependencies.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** A path of the project. */
export const at = (...parts) => join(root, ...parts);

export function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

export function hash(paths) {
  const digest = createHash('sha256');
  for (const path of paths) digest.update(path.slice(root.length)).update(readFileSync(path));
  return digest.digest('hex');
}

export function stampOf(name) {
  const path = at('generated', `.${name}`);
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

export function stamp(name, key) {
  mkdirSync(at('generated'), { recursive: true });
  writeFileSync(at('generated', `.${name}`), key);
}
