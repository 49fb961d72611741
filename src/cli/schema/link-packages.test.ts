import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linkPackages } from './link-packages.ts';

const project = mkdtempSync(join(tmpdir(), 'bulkhead-link-'));
test.after(() => rmSync(project, { recursive: true }));
const own = join(project, 'generated/own');
mkdirSync(join(own, 'client'), { recursive: true });
mkdirSync(join(project, 'node_modules/@prisma/client'), { recursive: true });
const runtime = () =>
  createRequire(join(own, 'client/client.ts')).resolve('@prisma/client/runtime/client');
const { resolve } = createRequire(import.meta.url);

test('a client that we generate finds its own Prisma, whichever the project has', async () => {
  await linkPackages(own);
  assert.equal(runtime(), resolve('@prisma/client/runtime/client'));
  const file = join(project, 'node_modules/@prisma/client/package.json');
  writeFileSync(file, '{ "name": "@prisma/client", "version": "6.19.3" }');
  await linkPackages(own);
  assert.equal(runtime(), resolve('@prisma/client/runtime/client'));
});

test('where the project has the same, nothing is put there', async () => {
  const { version } = createRequire(import.meta.url)('@prisma/client/package.json') as {
    version: string;
  };
  const file = join(project, 'node_modules/@prisma/client/package.json');
  writeFileSync(file, JSON.stringify({ name: '@prisma/client', version }));
  await linkPackages(own);
  assert.equal(existsSync(join(own, 'node_modules')), false);
});
