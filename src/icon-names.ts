import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = join(
  dirname(createRequire(import.meta.url).resolve('lucide-static/package.json')),
  'icons',
);

/** The file of a lucide icon. Throws where this cannot be the name of one. */
export function iconFile(name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`"${name}" is not the name of an icon.`);
  return join(folder, `${name}.svg`);
}

export function isIcon(name: string): boolean {
  return /^[a-z0-9-]+$/.test(name) && existsSync(iconFile(name));
}
