import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Command, ofAll } from './command.ts';
import { commands } from './commands.ts';
import { usageOf } from './usage.ts';

const program = join(import.meta.dirname, 'bulkhead.ts');
const page = await readFile(join(import.meta.dirname, '../../docs/commands.md'), 'utf8');

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  const { DATABASE_URL: _, ...env } = process.env;
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { env: { ...env, NODE_NO_WARNINGS: '1' } },
      (_error, stdout, stderr) => done({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** Sections of the page by their headings. */
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((text) => [text.split('\n')[0] ?? '', text.split(/^## /m)[0] ?? '']),
);

const optionsIn = (text: string) =>
  [...text.matchAll(/^\| `--([a-z-]+)(?: ([^`]+))?` \| (.*) \|$/gm)].map(
    ([, name, value, says]) => ({ name, value: value?.replaceAll('\\|', '|'), says }),
  );

test('the page of commands has every command, with what it does, its options, an example, and what --json gives', () => {
  assert.deepEqual([...sections.keys()], ['start', 'serve', 'work', ...Object.keys(commands)]);
  for (const [name, { says, options, gives }] of Object.entries(commands)) {
    const section = sections.get(name) ?? '';
    assert.ok(section.includes(`\n${says}\n`), `${name}: ${says}`);
    assert.ok(section.includes(`\nnpm run bulkhead -- ${name}`), name);
    assert.ok(section.includes(`\`--json\` gives ${gives}.`), `${name}: ${gives}`);
    const own = Object.entries(options).map(([option, given]) => ({
      ...{ name: option, value: given.value, says: given.says },
    }));
    assert.deepEqual(optionsIn(section), own, name);
  }
  const common = Object.entries(ofAll).map(([name, given]) => ({
    ...{ name, value: 'value' in given ? given.value : undefined, says: given.says },
  }));
  assert.deepEqual(optionsIn(page.split('## How they end')[0] ?? ''), common);
});

test('the page has the options of start, serve and work', async () => {
  for (const name of ['start', 'serve', 'work']) {
    const { stdout, status } = await run(name, '--help');
    assert.equal(status, 0);
    const named = new Set([...stdout.matchAll(/--([a-z-]+)/g)].map(([, option]) => option));
    const own = [...named].filter((option) => option && !Object.hasOwn(ofAll, option)).sort();
    assert.deepEqual(
      optionsIn(sections.get(name) ?? '')
        .map((option) => option.name)
        .sort(),
      own,
      name,
    );
  }
});

test('every command says by --help how it is used, and refuses what it does not know with status 2, as a document with --json', {
  timeout: 300_000,
}, async () => {
  for (const [name, command] of Object.entries(commands)) {
    const help = usageOf(name, command);
    assert.ok(help.startsWith(`Usage: npm run bulkhead -- ${name}`), help);
    for (const option of Object.keys({ ...command.options, ...ofAll }))
      assert.ok(help.includes(`--${option}`), `${name}: ${option}`);
  }
  // One of each kind: all are run by the same lines.
  for (const name of ['init', 'tasks list', 'schedules run', 'cleanup', 'user create']) {
    const [help, mistyped] = await Promise.all([
      run(...name.split(' '), '--help'),
      run(...name.split(' '), '--no-such-option', '--json'),
    ]);
    assert.deepEqual(
      [help.status, help.stdout.trim()],
      [0, usageOf(name, commands[name] as Command)],
    );
    assert.equal(mistyped.status, 2, `${name}: ${mistyped.stderr}`);
    assert.deepEqual(Object.keys(JSON.parse(mistyped.stdout)), ['error', 'message']);
    assert.match(mistyped.stderr, /--no-such-option/);
  }
});

test('what there is not is status 2, and what cannot be done status 1', async () => {
  const ends = async (...args: string[]) => (await run(...args)).status;
  assert.equal(await ends('tasks', 'lst'), 2);
  assert.equal(await ends('tasks', 'show'), 2);
  assert.equal(
    await ends('tasks', 'show', 'seven', '--database', 'postgresql://x@127.0.0.1:1/x'),
    2,
  );
  // What is typed wrongly is said before a database is asked.
  for (const typed of [
    ['list', '--state', 'odd'],
    ['cancel', '--matching', '--kind', 'odd'],
  ])
    assert.equal(
      await ends('tasks', ...typed, '--database', 'postgresql://x@127.0.0.1:1/x'),
      2,
      typed.join(' '),
    );
  const group = await run('tasks');
  assert.equal(group.status, 2);
  assert.match(group.stderr, /^ {2}tasks cancel ID… /m);
  assert.doesNotMatch(group.stderr, /cleanup/);
  assert.equal(await ends('schema', 'more'), 2);
  assert.equal(await ends('user', 'list', '--database', 'postgresql://x@127.0.0.1:1/x'), 1);
  const refused = await run('user', 'list', '--json', '--database', 'postgresql://x@127.0.0.1:1/x');
  assert.deepEqual([refused.status, JSON.parse(refused.stdout).error], [1, 'failed']);
  assert.equal((await run('--help')).status, 0);
  assert.match((await run('tasks', '--help')).stdout, /tasks cancel ID…/);
  assert.equal((await run()).status, 2);
});
