import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** As a project beside Bulkhead has it: another `pg`, and an adapter that finds that one. */
export async function secondCopy(folder: string): Promise<string> {
  const packages = join(import.meta.dirname, '../../node_modules');
  const copy = join(folder, 'node_modules');
  await mkdir(join(copy, '@prisma'), { recursive: true });
  for (const name of ['pg', '@prisma/adapter-pg'])
    await cp(join(packages, name), join(copy, name), { recursive: true });
  for (const below of ['', '@prisma']) {
    for (const name of await readdir(join(packages, below))) {
      if (name !== '@prisma')
        await symlink(join(packages, below, name), join(copy, below, name)).catch(() => undefined);
    }
  }
  return copy;
}
