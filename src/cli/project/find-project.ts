import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the definition of a project's admin may be called; the first that is there. */
export const configNames = ['ts', 'mts', 'js', 'mjs', 'cts', 'cjs'].map(
  (ending) => `bulkhead.config.${ending}`,
);

export interface ProjectFolder {
  /** What the commands work in: its `.env`, its packages, `.bulkhead`. */
  readonly folder: string;
  /** The definition of its admin. */
  readonly config: string | null;
}

/**
 * The project that a folder belongs to: upwards to the nearest `bulkhead.config.ts`, not beyond the
 * nearest `package.json`, or the root of the workspace that this is of.
 */
export function findProject(from: string): ProjectFolder {
  const around = foldersAbove(from);
  const nearest = around.findIndex((folder) => existsSync(join(folder, 'package.json')));
  const root = around.findIndex(isWorkspaceRoot);
  const within = around.slice(0, Math.max(nearest, root, 0) + 1);
  for (const folder of within) {
    const config = configNames.map((name) => join(folder, name)).find((file) => existsSync(file));
    if (config) return { folder, config };
  }
  return { folder: around[nearest] ?? from, config: null };
}

/** It and those above it, the nearest first. */
export function foldersAbove(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersAbove(above)];
}

function isWorkspaceRoot(folder: string): boolean {
  if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return true;
  return readPackage(folder)?.workspaces !== undefined;
}

interface PackageFile {
  readonly type?: string;
  readonly workspaces?: unknown;
  readonly prisma?: { readonly schema?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** `package.json` of a folder; null where there is none that can be read. */
export function readPackage(folder: string): PackageFile | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageFile;
  } catch {
    return null;
  }
}
