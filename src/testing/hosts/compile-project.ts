import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/**
 * What the compiler says of files of a project, as strictly as a project may ask for, with our types
 * read too.
 */
export function compileProject(folder: string, files: readonly string[]): string {
  const settings = {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  return spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    .stdout;
}
