import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { z } from 'zod';
import { defineAdmin } from '../../admin-definition.ts';
import { AppError } from '../../errors.ts';
import { DefinitionError } from '../../resources/problems.ts';
import { loadModule } from './load-module.ts';

const root = join(import.meta.dirname, '../../..');
let folder = '';

test.before(async (t) => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-load-'));
  (t as TestContext).after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'node_modules'));
  for (const name of ['zod', 'pg'])
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  await write({
    'package.json': '{ "private": true }',
    'tsconfig.json': `{
      // as an app has it
      "compilerOptions": { "paths": { "@app/*": ["./src/*"] } },
    }`,
    'src/state.ts': `export enum State { Open = 'open', Paid = 'paid' }`,
    'src/money.ts': `export const money = (amount: number): string => '€' + amount;
      export namespace Cents { export const each = 100 }`,
    'src/invoice.ts': `import { State } from './state';
      import { Cents, money } from './money.js';
      import * as all from './money';
      export class Invoice {
        constructor(private readonly state: State, public readonly amount = 2) {}
        get text() { return [this.state, money(this.amount), Cents.each, 'none' in all, all['none' as 'money']].join(' ') }
      }`,
    'src/old.cjs': `module.exports = { answer: 42 };`,
  });
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

for (const type of ['module', 'commonjs']) {
  test(`a definition of a ${type} project imports the app’s own TypeScript, and there is one copy of each module`, async () => {
    await write({
      [`${type}/package.json`]: JSON.stringify({ type }),
      [`${type}/bulkhead.config.ts`]: `
        import { defineAdmin, DefinitionError, AppError } from 'bulkhead';
        import { z } from 'zod';
        import pg from 'pg';
        import { Invoice } from '@app/invoice';
        import { State } from '../src/state';
        import old, { answer } from '../src/old.cjs';
        export const late = () => import('../src/invoice');
        export { Invoice };
        export const parts = { defineAdmin, DefinitionError, AppError, z, Pool: pg.Pool };
        export const here = __dirname;
        export const answers = [old.answer, answer];
        export default new Invoice(State.Open).text;`,
    });
    const file = join(folder, type, 'bulkhead.config.ts');
    const loaded = (await loadModule(file)) as {
      default: string;
      here: string;
      answers: number[];
      parts: unknown;
      Invoice: unknown;
      late(): Promise<{ Invoice: unknown }>;
    };
    assert.equal(loaded.default, 'open €2 100 false ');
    assert.equal(loaded.here, join(folder, type));
    assert.deepEqual(loaded.answers, [42, 42]);
    assert.deepEqual(loaded.parts, { defineAdmin, DefinitionError, AppError, z, Pool: pg.Pool });
    assert.equal((await loaded.late()).Invoice, loaded.Invoice);
    assert.equal(((await loadModule(file)) as typeof loaded).Invoice, loaded.Invoice);
    assert.ok(existsSync(join(folder, 'node_modules/.cache/bulkhead')));
  });
}

test('what is written for require is a definition too', async () => {
  await write({ 'old/bulkhead.config.cjs': `module.exports = { name: 'Shop' };` });
  const { default: made } = await loadModule(join(folder, 'old/bulkhead.config.cjs'));
  assert.deepEqual(made, { name: 'Shop' });
});

const failures: readonly (readonly [what: string, text: string, sentence: RegExp])[] = [
  [
    'what is no TypeScript',
    'const rules = {\n  a: 1,,\n};',
    /^.*a\.ts, line 2: Unexpected token: mend what stands there/,
  ],
  [
    'a file that is not there',
    `import { z } from 'zod';\nimport { scope } from './scopes';\nexport default scope;`,
    /^.*a\.ts, line 2, imports \.\/scopes, which is not there: is it spelt right\?$/,
  ],
  [
    'a client that is not generated',
    `\n\nimport { PrismaClient } from './generated/prisma/client';\nexport default PrismaClient;`,
    /^.*a\.ts, line 3, imports \.\/generated\/prisma\/client, which is not there: npx prisma generate makes it\.$/,
  ],
  [
    'metadata that are not generated',
    `import { metadata } from './generated/own/metadata/metadata.ts';\nexport default metadata;`,
    /metadata\.ts, which is not there: npm run bulkhead -- generate --schema PATH makes it\.$/,
  ],
  [
    'a package that is not installed',
    `import { sum } from '@shop/sums/deep';\nexport default sum;`,
    /^.*a\.ts, line 1, imports @shop\/sums\/deep, which is not there: npm install @shop\/sums brings a package/,
  ],
  [
    'a name that a file of the app does not export, where nothing would have been scoped',
    `import { tenantScope } from '../src/state';\nexport default { scope: tenantScope };`,
    /^The admin cannot be loaded: "\.\.\/src\/state" exports nothing that is called tenantScope \(.*a\.ts, line 2\)\.$/,
  ],
  [
    'a name that Bulkhead does not export',
    `import { defineAdminn } from 'bulkhead';\nexport default defineAdminn({});`,
    /"bulkhead" exports nothing that is called defineAdminn \(.*a\.ts, line 2\)\.$/,
  ],
  [
    'a default export that is not there',
    `import state from '../src/state';\nexport default state;`,
    /"\.\.\/src\/state" has no default export \(.*a\.ts, line 2\)\.$/,
  ],
  [
    'code of the app that throws',
    `const settings = null as unknown as { url: string };\n\nexport default settings.url;`,
    /^The admin cannot be loaded: Cannot read properties of null \(reading 'url'\) \(.*a\.ts, line 3\)\.$/,
  ],
];

for (const [index, [what, text, sentence]] of failures.entries()) {
  test(`${what} is one sentence with its file and line`, async () => {
    const file = join(folder, `failure-${index}/a.ts`);
    await write({ [`failure-${index}/a.ts`]: text });
    await assert.rejects(loadModule(file), (error) => {
      assert.ok(error instanceof AppError, String(error));
      assert.match(error.message, sentence);
      return true;
    });
  });
}
