import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingNames } from '../src/config.ts';
import { kinds, root } from './test-files.ts';

const guide = readFileSync(join(root, 'docs/developing.md'), 'utf8');
const found = (pattern: RegExp) => [
  ...new Set([...guide.matchAll(pattern)].map(([, name = '']) => name)),
];

test('every command, file, setting and kind of test that a developer is told of is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const commands = found(/npm run ([a-z-]+)/g);
  assert.ok(commands.length >= 4, commands.join());
  for (const command of commands) assert.ok(command in scripts, command);
  const files = found(
    /(?:`|-- |\s)((?:src|scripts|e2e|views|prisma|public|docs)\/[\w./-]*\w\/?)(?=[\s`:,])/g,
  );
  assert.ok(files.length >= 15, files.join());
  for (const file of files) assert.ok(existsSync(join(root, file)), file);
  for (const name of found(/`(BULKHEAD_(?!TEST_)[A-Z_]+)/g))
    assert.ok((settingNames as string[]).includes(name), name);
  assert.deepEqual(found(/--only (\w+)`/g), [...kinds]);
});
