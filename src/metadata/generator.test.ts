import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const root = join(import.meta.dirname, '../..');

/** What Prisma's own command says of a project's schema with our generator in it. */
function generate(t: TestContext, { client = '', ours = '' }) {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-generator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'prisma'));
  writeFileSync(
    join(folder, 'prisma/schema.prisma'),
    `${client}
generator bulkhead {
  provider = "node ${join(root, 'src/metadata/generator.ts')}"
${ours}
}
datasource db {
  provider = "postgresql"
}
model Order {
  id       Int      @id @default(autoincrement())
  total    Decimal
  placedAt DateTime @default(now())
}
`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/prisma/build/index.js'), 'generate'],
    {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        NO_COLOR: '1',
      },
      encoding: 'utf8',
    },
  );
  return { folder, status, text: `${stdout}${stderr}` };
}

const client = 'generator client {\n  provider = "prisma-client"\n  output = "../src/prisma"\n}';

test('beside a client it writes what it knows where nothing else is said, and imports as the project does', (t) => {
  const { folder, status, text } = generate(t, { client, ours: '  importFileExtension = "js"' });
  assert.equal(status, 0, text);
  const written = readFileSync(join(folder, 'generated/bulkhead/metadata.ts'), 'utf8');
  assert.match(written, /^import type \{ Prisma \} from '\.\.\/\.\.\/src\/prisma\/client\.js';$/m);
  assert.ok(existsSync(join(folder, 'src/prisma/client.ts')));
  assert.match(written, /^export interface Models \{\n {2}Order: Order;\n\}$/m);
  assert.match(written, /^ "defaultSchema": "public",$/m);
});

test('the Postgres schema that tables are in may be said for good', (t) => {
  const ours = '  output = "../own"\n  defaultSchema = "shop"';
  const { folder, status, text } = generate(t, { client, ours });
  assert.equal(status, 0, text);
  const written = readFileSync(join(folder, 'own/metadata.ts'), 'utf8');
  assert.match(written, /^ "defaultSchema": null,$/m);
  assert.match(written, /"table": "\\"shop\\"\.\\"Order\\""/);
});

test('without a client beside it, it says what is missing', (t) => {
  const { status, text } = generate(t, {});
  assert.notEqual(status, 0);
  assert.match(text, /the Bulkhead generator needs a client beside it: add generator client \{/);
});
