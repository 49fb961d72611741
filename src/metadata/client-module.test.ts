import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GeneratorConfig } from '@prisma/generator-helper';
import { clientModule } from './client-module.ts';

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-client-'));
test.after(() => rmSync(folder, { recursive: true }));

function client(provider: string, config: object = {}, output = 'generated/prisma') {
  return {
    name: 'client',
    provider: { value: provider, fromEnvVar: null },
    output: { value: join(folder, output), fromEnvVar: null },
    isCustomOutput: true,
    config,
  } as unknown as GeneratorConfig;
}
const from = (
  generator: GeneratorConfig,
  { compilerOptions = {}, ending }: { compilerOptions?: object; ending?: string } = {},
) => {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return clientModule([generator], join(folder, 'generated/bulkhead'), ending);
};

test('the client is imported as the project imports: by the ending that was said, else by its compiler', () => {
  const own = client('prisma-client');
  const nodenext = { module: 'nodenext' };
  assert.equal(from(own, { compilerOptions: nodenext }), '../prisma/client.js');
  const withEnding = { ...nodenext, allowImportingTsExtensions: true };
  assert.equal(from(own, { compilerOptions: withEnding }), '../prisma/client.ts');
  assert.equal(from(own, { compilerOptions: { moduleResolution: 'Bundler' } }), '../prisma/client');
  assert.equal(from(own, { compilerOptions: { module: 'CommonJS' } }), '../prisma/client');
  const said = client('prisma-client', { importFileExtension: 'mjs' });
  assert.equal(from(said), '../prisma/client.mjs');
  assert.equal(from(said, { ending: '' }), '../prisma/client');
  const common = client('prisma-client', { generatedFileExtension: 'cts' });
  assert.equal(from(common, { compilerOptions: nodenext }), '../prisma/client.cjs');
});

test('settings that are extended count, and comments in them do not', () => {
  mkdirSync(join(folder, 'settings'));
  writeFileSync(
    join(folder, 'settings/base.json'),
    '{ "compilerOptions": { /* ours */\n // "module": "commonjs"\n "rewriteRelativeImportExtensions": true } }',
  );
  writeFileSync(join(folder, 'tsconfig.json'), '{ "extends": "./settings/base" }');
  assert.equal(
    clientModule([client('prisma-client')], join(folder, 'generated/bulkhead'), undefined),
    '../prisma/client.ts',
  );
});

test('the client of Prisma 6 is a package, or the compiled one of its folder; without one there is none', () => {
  const standard = { ...client('prisma-client-js'), isCustomOutput: false };
  assert.equal(from(standard as GeneratorConfig), '@prisma/client');
  assert.equal(from(client('prisma-client-js')), '../prisma/index.js');
  assert.equal(clientModule([client('prisma-kysely')], folder, undefined), null);
});
