import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { clone } from '../testing/clone.ts';

const run = promisify(execFile);

interface Started {
  address: string;
  password: string;
  /** What `npm start` printed. */
  text: string;
  kill(signal: 'SIGTERM' | 'SIGINT'): Promise<void>;
  /** Kills the app itself, as the system would when memory runs out. */
  killApp(): Promise<void>;
}

async function start(folder: string): Promise<Started> {
  const npm = spawn('npm', ['start', '--', '--port', '0'], {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  const ended = new Promise<void>((resolve) => npm.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    npm.stderr.on('data', (chunk) => {
      text += chunk;
    });
    npm.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.includes('Ctrl-C stops it.')) resolve();
    });
    npm.on('close', (code) => reject(new Error(`npm start ended with ${code}:\n${text}`)));
  });
  return {
    text,
    address: /running at (\S+)/.exec(text)?.[1] ?? '',
    password: /admin@example.com +(\S+)/.exec(text)?.[1] ?? '',
    async kill(signal) {
      // Ctrl-C reaches every process of the terminal's group, a plain kill only npm.
      process.kill(signal === 'SIGINT' ? -(npm.pid as number) : (npm.pid as number), signal);
      await ended;
      await quiet(folder);
    },
    async killApp() {
      for (const { pid, command } of processesOf(folder))
        if (command.includes('src/cli/start.ts')) process.kill(pid, 'SIGKILL');
      await ended;
    },
  };
}

function environment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, NODE_COMPILE_CACHE: _cache, ...rest } = process.env;
  // The suite's own Node comes first in PATH; a newcomer's is the machine's.
  return {
    ...rest,
    PATH: (rest.PATH ?? '')
      .split(':')
      .filter((part) => !part.includes('node_modules'))
      .join(':'),
  };
}

function processesOf(folder: string): { pid: number; command: string }[] {
  const elsewhere = join(folder, '.bulkhead/database-path');
  const places = [
    folder,
    ...(existsSync(elsewhere) ? [readFileSync(elsewhere, 'utf8').trim()] : []),
  ];
  return execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line }))
    .filter(({ command }) => places.some((place) => command.includes(`${place}/`)));
}

async function quiet(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (processesOf(folder).length === 0) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.deepEqual(processesOf(folder), [], 'something is left running');
}

/** Signs in as a browser does, and reads the list. */
async function browse({ address, password }: Started): Promise<string> {
  const page = await fetch(`${address}/sign-in`);
  const token = /name="_csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
  const cookie = page.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ');
  const body = new URLSearchParams({ _csrf: token, email: 'admin@example.com', password });
  const signedIn = await fetch(`${address}/sign-in`, {
    method: 'POST',
    body,
    headers: { cookie },
    redirect: 'manual',
  });
  assert.equal(signedIn.status, 303);
  const session = signedIn.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ');
  return (await fetch(`${address}/cities?_count=exact`, { headers: { cookie: session } })).text();
}

async function refuses(address: string): Promise<boolean> {
  return fetch(`${address}/healthz`).then(
    () => false,
    () => true,
  );
}

for (const [what, how] of [
  ['a folder that all can reach', { mode: '755' }],
  ["a folder like root's home, closed to others", { mode: '700', isUsed: true }],
] as const) {
  test(`npm start in ${what}: answers, lets in, shows 135,233 places, and leaves nothing behind`, async (t) => {
    const folder = clone(t, how);
    const first = await start(folder);
    assert.match(await browse(first), /135,233/);
    // Beside it, on its database.
    for (const [command, said] of [
      ['doctor', /^No finding\.$/m],
      ['tasks list', /^There is no such task\.$/m],
      ['user list', /^admin@example\.com /m],
    ] as const) {
      const args = ['scripts/run.mjs', 'cli', ...command.split(' ')];
      const { stdout } = await run('node', args, { cwd: folder, env: environment() });
      assert.match(stdout, said);
    }
    await first.kill('SIGTERM');
    assert.ok(await refuses(first.address));

    const second = await start(folder);
    assert.doesNotMatch(second.text, /Filling the sample/);
    assert.equal(second.password, first.password);
    await second.killApp();
    assert.ok(await refuses(second.address));
    assert.ok(
      processesOf(folder).some(({ command }) => command.includes('postgres')),
      'a killed app leaves its server',
    );

    const third = await start(folder);
    assert.match(await browse(third), /135,233/);
    await third.kill('SIGINT');
    assert.ok(await refuses(third.address));
  });
}

test('a fresh clone is made ready once by two commands at once; what a person can mend is one sentence and exit status 1, and nothing is left running', async (t) => {
  const folder = clone(t);
  const generated = await Promise.all(
    [1, 2].map(() =>
      run('node', ['scripts/run.mjs', 'generate'], { cwd: folder, env: environment() }),
    ),
  );
  const said = generated.map(({ stdout }) => stdout).join('');
  assert.equal(said.split('Generating the database client (sample)').length, 2, said);
  assert.match(said, /Waiting for another command \(process \d+\)/);
  assert.ok(existsSync(join(folder, 'public/build/styles.css')));
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const cases: [string, Record<string, string>, RegExp][] = [
    ['a taken port', { PORT: String(port) }, new RegExp(`^Port ${port} is already taken`)],
    [
      'an unreachable database',
      { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' },
      /^The database .*cannot be reached/,
    ],
    [
      'a folder that cannot be written',
      { BULKHEAD_FOLDER: '/dev/null/bulkhead' },
      /^The folder .* cannot be written/,
    ],
    [
      'bad settings',
      { PORT: 'many', BULKHEAD_CHUNK_SIZE: '0' },
      /^Settings that cannot be used: PORT.*BULKHEAD_CHUNK_SIZE/,
    ],
  ];
  for (const [what, env, sentence] of cases) {
    const { status, stderr } = spawnSync('node', ['scripts/run.mjs', 'start'], {
      cwd: folder,
      env: { ...environment(), ...env },
      encoding: 'utf8',
    });
    assert.equal(status, 1, what);
    assert.match(stderr, sentence, what);
    assert.equal(stderr.trim().split('\n').length, 1, `${what}: ${stderr}`);
    await quiet(folder);
  }
});
