import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPackage } from '../../scripts/build-package.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Makes the package in `base/package`, among packages of this repository, and links it into
 * `base/node_modules`, where projects below find it.
 *
 * @param without names, or beginnings of names, of packages that are not to be there
 */
export async function linkPackage(base: string, without: RegExp): Promise<void> {
  await buildPackage(join(base, 'package'));
  const from = join(root, 'node_modules');
  const names = (await readdir(from)).filter((name) => !name.startsWith('.'));
  await mkdir(join(base, 'node_modules/.bin'), { recursive: true });
  for (const name of names) {
    if (!name.startsWith('@')) await link(name);
    else
      for (const part of await readdir(join(from, name))) {
        await mkdir(join(base, 'node_modules', name), { recursive: true });
        await link(`${name}/${part}`);
      }
  }
  await symlink(join(base, 'package'), join(base, 'node_modules/bulkhead'));

  async function link(name: string): Promise<void> {
    if (without.test(name)) return;
    await symlink(join(from, name), join(base, 'node_modules', name));
  }
}
