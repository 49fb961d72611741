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

/** What has gone since it was listed, as an editor's drafts do, is passed over. */
export function hash(paths) {
  const digest = createHash('sha256');
  for (const path of paths) {
    const content = readIfThere(path);
    if (content !== null) digest.update(path.slice(root.length)).update(content);
  }
  return digest.digest('hex');
}

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

export function stampOf(name) {
  const path = at('generated', `.${name}`);
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

export function stamp(name, key) {
  mkdirSync(at('generated'), { recursive: true });
  writeFileSync(at('generated', `.${name}`), key);
}
