import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { checkDefinition } from './check-definition.ts';
import { openAdmin, openDefinition } from './open-admin.ts';

const root = join(import.meta.dirname, '../..');
let folder = '';
const before = process.cwd();

test.before(async (t) => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-refined-'));
  (t as TestContext).after(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  });
  await cp(
    join(root, 'src/testing/schemas/several-files/prisma/schema'),
    join(folder, 'prisma/schema'),
    { recursive: true },
  );
  await mkdir(join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }');
  process.chdir(folder);
});

const config = () => parseConfig({ BULKHEAD_FOLDER: join(folder, '.bulkhead') });

/** Without pages of its own. */
const refinement = `import { defineAdmin, defineTask } from 'bulkhead';
import { z } from '${root}/node_modules/zod';
export default defineAdmin({
  name: 'Corner shop',
  settings: { minAsyncRecords: 7 },
  tasks: [defineTask({ name: 'shop.tidy', params: z.object({}), isolate: true, run: () => undefined })],
  plugins: [(admin) => ({ ...admin, credits: [String(admin.resources.length)] })],
});`;

test('beside --schema a definition without pages says the name, settings, tasks and plugins; without it, of the schema that is found', async () => {
  await writeFile(join(folder, 'bulkhead.config.ts'), refinement);
  for (const schema of [join(folder, 'prisma/schema'), undefined]) {
    const { admin, database } = await openAdmin({ schema }, config());
    assert.equal(admin.name, 'Corner shop');
    assert.deepEqual(admin.resources.map(({ model }) => model).sort(), ['Invoice', 'Person']);
    assert.deepEqual(
      admin.tasks?.map(({ name }) => name),
      ['shop.tidy'],
    );
    assert.deepEqual([admin.settings, admin.credits], [{ minAsyncRecords: 7 }, ['2']]);
    assert.match(database, /^schema_/);
    assert.deepEqual(await checkDefinition(admin, config()), []);
    // As a process opens it that runs one task.
    const again = await openDefinition(admin.definition as string, config());
    assert.deepEqual([again.resources.length, again.tasks?.length], [2, 1]);
  }
});

test('beside --schema a definition with pages stays what there are pages for, if the schema has its models', async () => {
  const { admin: made } = await openAdmin({ schema: join(folder, 'prisma/schema') }, config());
  const whole = `import { defineAdmin } from 'bulkhead';
    const metadata = ${JSON.stringify(made.resources[0]?.metadata)};
    export default defineAdmin({
      name: 'Whole',
      createClient: () => ({ $transaction: () => undefined, person: {}, invoice: {} }) as never,
      resources: [{ metadata, model: 'Person', options: {} }] as never,
    });`;
  const open = async (name: string, text: string, schema?: string) => {
    await writeFile(join(folder, name), text);
    return openAdmin({ admin: join(folder, name), schema }, config());
  };
  const schema = join(folder, 'prisma/schema');
  const { admin, database } = await open('whole.ts', whole, schema);
  assert.deepEqual([admin.name, admin.resources.length], ['Whole', 1]);
  const found = await open('whole.ts', whole);
  assert.deepEqual([found.admin.name, found.database], ['Whole', database]);
  const renamed = whole.replace("model: 'Person'", "model: 'Customer'");
  await assert.rejects(open('renamed.ts', renamed, schema), {
    name: AppError.name,
    message: /^The definition has pages for Customer, and the schema at .* has no such model/,
  });
});
