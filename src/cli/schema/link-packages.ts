import { readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const client = '@prisma/client/package.json';

/** The `node_modules` that has what a client imports that we generate. */
export function packagesFolder(): string {
  return dirname(dirname(dirname(createRequire(import.meta.url).resolve(client))));
}

/**
 * Has a client in this folder find the Prisma that made it: the project may have another, or none
 * that can be seen from there.
 */
export async function linkPackages(folder: string): Promise<void> {
  const link = join(folder, 'node_modules');
  await rm(link, { recursive: true, force: true });
  const ours = await versionFrom(import.meta.url);
  const found = await versionFrom(join(folder, 'client.ts')).catch(() => null);
  if (found !== ours) await symlink(packagesFolder(), link, 'junction');
}

async function versionFrom(file: string): Promise<string> {
  const text = await readFile(createRequire(file).resolve(client), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
