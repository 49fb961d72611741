import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { operationShapes } from './check-operations.ts';
import { bulkShapes, computedShapes, fieldOptionShapes, hookShapes, optionShapes } from './option-shapes.ts';

const root = join(import.meta.dirname, '../..');

async function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

/** Names in the first column of the table whose head begins so. */
function namesOf(guide: string, head: string): string[] {
  const lines = guide.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.ok(start >= 0, head);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) => /^\| `(\w+)` \|/.exec(line)?.[1] ?? line);
}

const tables: [head: string, names: object, guide?: string][] = [
  ['option', optionShapes],
  ['field option', fieldOptionShapes],
  ['column option', computedShapes],
  ['hook', hookShapes],
  ['bulk option', bulkShapes],
  ['operation option', operationShapes, 'docs/operations.md'],
];

for (const [head, names, guide = 'docs/resources.md'] of tables) {
  test(`the guide has every ${head}, and no other`, async () => {
    assert.deepEqual(namesOf(await read(guide), head).sort(), Object.keys(names).sort());
  });
}

test('the examples of the guide and of the README compile', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-guide-'));
  t.after(() => rm(folder, { recursive: true }));
  const examples: string[] = [];
  for (const path of ['docs/resources.md', 'docs/operations.md', 'README.md']) {
    for (const [, code = ''] of (await read(path)).matchAll(/```ts\n(.*?)```/gs)) {
      examples.push(
        code
          .replaceAll(/from '(?:bulkhead|\.\/index\.ts)'/g, `from '${root}/src/index.ts'`)
          .replaceAll("declare module 'bulkhead'", `declare module '${root}/src/index.ts'`)
          .replaceAll("from '../generated/", `from '${root}/generated/`),
      );
    }
  }
  assert.ok(examples.length >= 3);
  for (const [index, code] of examples.entries()) await writeFile(join(folder, `example-${index}.ts`), code);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')], types: ['node'] };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['./*.ts'] }),
  );
  const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
    execFile(join(root, 'node_modules/.bin/tsc'), ['-p', folder], (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, said: stdout }),
    );
  });
  assert.deepEqual({ code, said }, { code: 0, said: '' });
});
