import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileExamples } from './compile-examples.ts';

const root = join(import.meta.dirname, '..');

interface Exported {
  name: string;
  /** Null: it has none. */
  comment: string | null;
}

/** What a project may import, with the comments that its editor shows. */
async function readExports(): Promise<Exported[]> {
  const index = await readFile(join(root, 'index.ts'), 'utf8');
  const found: Exported[] = [];
  for (const [, names = '', path = ''] of index.matchAll(
    /export (?:type )?\{([^}]*)\} from '(.+?)'/g,
  )) {
    const text = await readFile(join(root, path), 'utf8');
    for (const name of names.split(',').map((item) => item.trim().replace(/^type /, '')))
      if (name !== '') found.push({ name, comment: commentOf(name, text) });
  }
  return found;
}

function commentOf(name: string, text: string): string | null {
  const declared = new RegExp(
    `(/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/)\\n(?:// .*\\n)?export (?:interface|type|const|class|(?:async )?function) ${name}\\b`,
  );
  return declared.exec(text)?.[1] ?? null;
}

function exampleOf(comment: string): string | null {
  const [, lines] = /@example\n([\s\S]*?)(?=\n \* @|\n \*\/)/.exec(comment) ?? [];
  return lines?.replace(/^ \* ?/gm, '') ?? null;
}

/** What an example may take as there: everything of ours, the sample's metadata and client. */
const given = `import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import type { AdminDefinition, People, ResourceDefinition } from 'bulkhead';
import { metadata } from '../generated/sample-metadata/metadata.ts';
import { PrismaClient } from '../generated/sample/client.ts';
`;
const declared =
  'declare const [cities, countries]: readonly [ResourceDefinition, ResourceDefinition];\ndeclare const admin: AdminDefinition, databaseUrl: string, app: FastifyInstance, people: People;\n';

test('everything that a project may import says what it is', async () => {
  const exported = await readExports();
  assert.ok(exported.length > 40);
  assert.deepEqual(
    exported.filter(({ comment }) => comment === null).map(({ name }) => name),
    [],
  );
});

test('what projects call has an example, and every example compiles', async () => {
  const exported = await readExports();
  const examples = exported.flatMap(({ name, comment }) => {
    const example = comment && exampleOf(comment);
    return example ? [{ name, example }] : [];
  });
  const named = examples.map(({ name }) => name);
  const called = exported
    .map(({ name }) => name)
    .filter((name) => /^define|^create|^bulkhead$|^AppError$/.test(name));
  assert.deepEqual(
    called.filter((name) => !named.includes(name)),
    [],
  );
  const ours = exported
    .map(({ name }) => name)
    .filter((name) =>
      /^define|^create|^bulkhead$|^AppError$|^kinds$|^t$|^systemPrincipal$|^backendSuite$/.test(
        name,
      ),
    );
  const codes = examples.map(
    ({ example }) =>
      `import { ${ours.join(', ')} } from 'bulkhead';\n${given}${example.includes('const cities') ? '' : declared}${example}\nexport {};\n`,
  );
  const options = { noUnusedLocals: false, allowUnusedLabels: false, allowUnreachableCode: true };
  assert.equal(await compileExamples(codes, options), '');
});
