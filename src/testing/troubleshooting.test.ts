import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingNames } from '../config.ts';
import { findLost, readNamedTests, testFiles } from './named-tests.ts';
import { readProduct, readTexts } from './read-texts.ts';

const root = join(import.meta.dirname, '../..');
const guides = ['docs/troubleshooting.md', 'docs/operations.md'];
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Row {
  seen: string;
  cause: string;
  todo: string;
  shown: string;
}

const rows = read('docs/troubleshooting.md')
  .split('\n')
  .filter((line) => /^\| (?!---|what is seen)/.test(line))
  .map((line): Row => {
    const [, seen = '', cause = '', todo = '', shown = '', ...more] = line.split(/ ?\| ?/);
    assert.equal(more.length, 1, `a row has four cells: ${line}`);
    return { seen, cause, todo, shown };
  });

test('each symptom has a cause, something to do about it, and a test that is there', async () => {
  assert.ok(rows.length > 20);
  const texts = await readTexts(testFiles);
  for (const { seen, cause, todo, shown } of rows) {
    assert.ok(cause && todo, seen);
    const tests = readNamedTests(shown);
    assert.ok(tests.length > 0, seen);
    assert.deepEqual(findLost(tests, texts), [], seen);
  }
});

test('what a symptom says in quotation marks is said by Bulkhead', async () => {
  const product = [...(await readProduct()).values()].join('\n');
  for (const { seen } of rows)
    for (const [, said = ''] of seen.matchAll(/“([^”]+)”/g))
      assert.ok(product.toLowerCase().includes(said.toLowerCase()), said);
});

test('each command and each setting that the guides to running it name is there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const help = spawnSync(process.execPath, [join(root, 'src/cli/main.ts'), '--help'], {
    encoding: 'utf8',
  }).stdout;
  for (const guide of guides) {
    const text = read(guide);
    const commands = [...text.matchAll(/npm (?:run (?:bulkhead -- )?|start)[a-z- ]*/g)];
    assert.ok(commands.length > 2, guide);
    for (const [command] of commands) {
      const [, script = 'start', own] =
        /^npm (?:run )?([a-z:-]+)(?: -- ([a-z]+(?: [a-z]+)?))?/.exec(command.trim()) ?? [];
      assert.ok(script in scripts, command);
      if (own) assert.match(help, new RegExp(`^  ${own}\\b`, 'm'), command);
    }
    for (const [name] of text.matchAll(
      /\b(?:BULKHEAD|READ_DATABASE|DIRECT_DATABASE|DATABASE)_[A-Z_]+\b/g,
    ))
      assert.ok(settingNames.includes(name as never), `${guide}: ${name}`);
  }
});
