import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endedCommand, type RunningCommand, startCommand, stopCommands, visitAs } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/your-own-database.md'), 'utf8');

function blocks(language: string): string[] {
  return [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string);
}

interface Line {
  env: Record<string, string>;
  args: string[];
}

/** `A=b npm start -- --x` as a shell would take it; a line of nothing but `export` is for those that follow. */
function linesOf(block: string): Line[] {
  const exported: Record<string, string> = {};
  return block
    .trim()
    .split('\n')
    .flatMap((line) => {
      const words = line.replace(/^export /, '').split(' ');
      const env: Record<string, string> = {};
      while (/^[A-Z_]+=/.test(words[0] ?? '')) {
        const [name = '', ...value] = (words.shift() as string).split('=');
        env[name] = value.join('=');
      }
      if (words.length === 0) {
        Object.assign(exported, env);
        return [];
      }
      assert.equal(words.shift(), 'npm', line);
      if (words[0] === 'run') words.shift();
      return [{ env: { ...exported, ...env }, args: words }];
    });
}

test('the commands of the guide do what it says, and its code compiles', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-guide-'));
  const own = join(root, 'generated', `guide-${process.pid}`);
  t.after(async () => {
    await stopCommands();
    for (const folder of [base, own]) rmSync(folder, { recursive: true, force: true });
  });
  cpSync(join(root, 'src/testing/schemas/several-files'), join(base, 'shop'), { recursive: true });
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const state = { BULKHEAD_FOLDER: join(base, 'state'), PORT: '0' };
  const [look = [], yours = [], production = [], refine = []] = blocks('sh').map((block) =>
    linesOf(block).map(({ env, args }) => ({
      env: { ...env, ...state, ...(env.DATABASE_URL ? { DATABASE_URL: connectionString } : {}) },
      args: args.map((word) => word.replace('../shop', join(base, 'shop'))),
    })),
  );

  for (const { args, env } of [...look, ...yours]) {
    const started = await startCommand(args, env);
    const admin = await visitAs(started);
    assert.equal((await admin.post('/people/new', { name: 'Ada' })).status, 303);
    assert.match(await admin.get('/people'), /Ada/);
    assert.match(await admin.get('/'), /Shop/);
    await started.stop();
  }
  const { rows } = await db.pages.query('select name from people."Person"');
  assert.deepEqual(rows, [{ name: 'Ada' }]);

  const running: RunningCommand[] = [];
  for (const { args, env } of production) {
    if (args[0] !== 'bulkhead') running.push(await startCommand(args, env));
    else {
      const { status, text } = await endedCommand(args, env);
      assert.equal(status, 0, text);
      assert.match(text, /ada@example\.com can sign in as admin/);
    }
  }
  assert.equal(running.length, 2);
  for (const command of running.reverse()) await command.stop();

  for (const { args, env } of refine) {
    const { status, text } = await endedCommand([...args, '--output', own], env);
    assert.equal(status, 0, text);
  }
  const code = (blocks('ts')[0] ?? '').replaceAll('../generated/own/', './').replace("'./index.ts'", "'../../src/index.ts'");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'admin.ts'), code);
  writeFileSync(join(own, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['./admin.ts'] }));
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', own], { encoding: 'utf8' });
  const { default: refined } = (await import(join(own, 'admin.ts'))) as { default: { resources: { model: string }[] } };
  assert.deepEqual(refined.resources.map(({ model }) => model).sort(), ['Invoice', 'Person']);

  for (const statement of blocks('sql')) await db.pages.query(statement);
  const { rows: left } = await db.pages.query(`select nspname from pg_namespace where nspname !~ '^pg_|^information_schema$' order by 1`);
  assert.deepEqual(left, [{ nspname: 'billing' }, { nspname: 'people' }, { nspname: 'public' }]);
});
