import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * What the compiler says of examples as projects would write them, each a file; empty where they
 * compile.
 */
export async function compileExamples(
  examples: readonly string[],
  compilerOptions: object = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-examples-'));
  try {
    for (const [index, code] of examples.entries())
      await writeFile(join(folder, `example-${index}.ts`), inPlace(code));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const options = {
      typeRoots: [join(root, 'node_modules/@types')],
      types: ['node'],
      ...compilerOptions,
    };
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: options,
      include: ['./*.ts'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    return await new Promise<string>((resolve) => {
      execFile(join(root, 'node_modules/.bin/tsc'), ['-p', folder], (error, stdout) =>
        resolve(error ? stdout || String(error) : ''),
      );
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function inPlace(code: string): string {
  return code
    .replaceAll(/from '(?:bulkhead|\.\/index\.ts)'/g, `from '${root}/src/index.ts'`)
    .replaceAll("declare module 'bulkhead'", `declare module '${root}/src/index.ts'`)
    .replaceAll("from '../generated/", `from '${root}/generated/`)
    .replaceAll("from 'fastify'", `from '${root}/node_modules/fastify/fastify.js'`)
    .replaceAll("from 'zod'", `from '${root}/node_modules/zod/index.js'`)
    .replaceAll(
      "from '@prisma/adapter-pg'",
      `from '${root}/node_modules/@prisma/adapter-pg/dist/index.mjs'`,
    );
}
