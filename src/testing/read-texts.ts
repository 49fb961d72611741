import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Files of the repository with their texts, by their paths from its root, in order. */
export async function readTexts(...patterns: readonly string[]): Promise<Map<string, string>> {
  const paths: string[] = [];
  for await (const path of glob(patterns, { cwd: root })) paths.push(path);
  const read = async (path: string) => [path, await readFile(join(root, path), 'utf8')] as const;
  return new Map(await Promise.all(paths.sort().map(read)));
}

/** Sources of `src` without tests and what is there for them alone. */
export async function readProduct(): Promise<Map<string, string>> {
  const sources = await readTexts('src/**/*.ts');
  return new Map([...sources].filter(([path]) => !/\.test\.ts$|^src\/testing\//.test(path)));
}
