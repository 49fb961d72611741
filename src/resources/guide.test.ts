import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileExamples } from '../testing/compile-examples.ts';
import { operationShapes } from './check-operations.ts';
import {
  bulkShapes,
  computedShapes,
  fieldOptionShapes,
  hookShapes,
  optionShapes,
} from './option-shapes.ts';

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
  ['operation option', operationShapes, 'docs/own-operations.md'],
];

for (const [head, names, guide = 'docs/resources.md'] of tables) {
  test(`the guide has every ${head}, and no other`, async () => {
    assert.deepEqual(namesOf(await read(guide), head).sort(), Object.keys(names).sort());
  });
}

test('the examples of the guide and of the README compile', async () => {
  const examples: string[] = [];
  for (const path of ['docs/resources.md', 'docs/own-operations.md', 'README.md'])
    for (const [, code = ''] of (await read(path)).matchAll(/```ts\n(.*?)```/gs))
      examples.push(code);
  assert.ok(examples.length >= 3);
  assert.equal(await compileExamples(examples), '');
});

/** What examples of the guides to tasks take as there, by name, where they do not make it themselves. */
const given: Readonly<Record<string, string>> = {
  admin: 'AdminDefinition',
  databaseUrl: 'string',
  createClient: "AdminDefinition['createClient']",
  resources: "AdminDefinition['resources']",
  prisma: '{ $transaction<R>(run: (tx: typeof client) => Promise<R>): Promise<R> }',
  tasks: 'TaskManager',
  revenue: 'PageDefinition',
  bigMachine: 'Backend',
  broker:
    '{ send(items: readonly object[]): Promise<void>; consume(take: (item: { taskId: number }) => unknown): { closed: Promise<void>; close(): Promise<void> } }',
  test: '(name: string, run: (...given: never[]) => unknown) => void',
  webAddress: 'FieldKind',
  metadata: "Metadata & { models: Record<'Company' | 'City', any> }",
  data: '{ id: number }',
  to: 'string',
  recount: 'Task<{ country: string }, { places: number }>',
  sendReceipt: 'Task<{ order: number }>',
  remind: 'Task<{ order: number }>',
  report: 'Task<{ month: string }>',
  mail: 'Task<{ to: string }>',
  count: '(country: string, task: TaskRun) => Promise<number>',
  fetchOrders: '(shop: string, token: string) => Promise<number>',
  payments:
    '{ charge(order: number, by: unknown): Promise<string>; refund(order: number, receipt: string | null, by: unknown): Promise<void> }',
  linesOf:
    '(order: number) => (after: unknown, limit: number) => Promise<{ item: { id: number }; position: number }[]>',
  tracer: '{ span<R>(name: string, run: () => Promise<R>): Promise<R> }',
  tenants: '{ run<R>(id: string, run: () => Promise<R>): Promise<R> }',
};

const givenTypes = `
type Task<P, R = null> = TaskDefinition<z.ZodType<P>, R>;
type Table<C extends string> = {
  create(of: { data: Partial<Record<C, unknown>> }): Promise<object>;
  createMany(of: { data: Partial<Record<C, unknown>>[] }): Promise<object>;
  upsert(of: { where: object; create: Partial<Record<C, unknown>>; update: object }): Promise<object>;
  findMany(of: object): Promise<(Record<C, string> & { taskId: number })[]>;
};
declare const client: Client & {
  audit: Table<'what' | 'country'>;
  order: Table<'id'> & { aggregate(of: object): Promise<{ _sum: { total: unknown } }> };
  rate: Table<'rate'>;
  shipment: Table<'lineId'>;
  taskMirror: Table<'id' | 'title' | 'state' | 'at' | 'order'>;
};
declare module 'bulkhead' {
  interface ProjectTypes { client: typeof client }
}
`;

/** A run alone is one of a task with such parameters. */
function whole(code: string): string {
  // Options of a resource, said alone.
  if (/^\w+: /.test(code)) return `export const options: ResourceOptions = { ${code} };`;
  const params = '{ order: z.number(), country: z.string(), countries: z.array(z.string()) }';
  return /^async run\(/.test(code)
    ? `defineTask({ name: 'example', params: z.object(${params}), ${code} });`
    : code;
}

/** Guides whose examples are whole, and those that tests of their own compile and run. */
const wholeGuides = ['resources', 'own-operations'];
const heldElsewhere = ['package', 'your-own-database'];

/** Examples of a guide, but for those that show a file, which tests hold against it. */
async function examplesOf(guide: string): Promise<string[]> {
  const found = (await read(`docs/${guide}`)).matchAll(/(<!-- \S+ -->\n)?```ts\n(.*?)```/gs);
  return [...found].flatMap(([, shown, code = '']) => (shown ? [] : [code]));
}

test('the examples of every other guide compile', async () => {
  const index = await read('src/index.ts');
  const ours = [...index.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, type, names = '']) =>
    names.split(',').flatMap((name) => {
      const own = name.trim().replace(/^type /, '');
      return own === '' ? [] : [{ own, isType: type !== undefined || /^\s*type /.test(name) }];
    }),
  );
  const examples: string[] = [];
  const guides = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
  const known = [...wholeGuides, ...heldElsewhere].map((name) => `${name}.md`);
  assert.deepEqual(
    known.filter((name) => !guides.includes(name)),
    [],
  );
  for (const guide of guides.filter((name) => !known.includes(name)))
    for (const code of await examplesOf(guide)) {
      const isMade = (name: string) =>
        new RegExp(
          `import (?:type )?\\{[^}]*\\b${name}\\b|(const|class|\\{.*[ ,]) ?${name}\\b.* = `,
        ).test(code);
      const imports = ours
        .filter(({ own }) => !isMade(own))
        .map(({ own, isType }) => (isType ? `type ${own}` : own));
      const declared = Object.entries(given).filter(([name]) => !isMade(name));
      examples.push(
        [
          `import { ${imports.join(', ')} } from 'bulkhead';`,
          /from 'zod'/.test(code) ? '' : "import { z } from 'zod';",
          givenTypes,
          ...declared.map(([name, type]) => `declare const ${name}: ${type};`),
          whole(code),
          'export {};\n',
        ].join('\n'),
      );
    }
  assert.ok(examples.length >= 15);
  const options = { noUnusedLocals: false, noUnusedParameters: false };
  assert.equal(await compileExamples(examples, options), '');
});
