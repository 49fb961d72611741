import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { bytesOf, environmentOf, walkDockerfile } from '../testing/image.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Package {
  dependencies?: Record<string, string>;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}

/** The packages that `npm ci --omit=dev --omit=optional` leaves, by their folders in the lock file. */
function packagesOfProduct(): Map<string, Package> {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, Package>;
  };
  return new Map(
    Object.entries(packages).filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    ),
  );
}

/** Packages by hard links, where they can be: what is taken away of them is still here. */
function linkPackages(at: string): void {
  const packages = [...packagesOfProduct().keys()].filter(
    (path) => path.lastIndexOf('node_modules/') === 0,
  );
  const copy = (how: string) =>
    spawnSync('cp', [how, '--parents', ...packages, at], { cwd: root }).status;
  if (copy('-al') !== 0) assert.equal(copy('-a'), 0);
}

/** What a RUN of the Dockerfile comes to, where everything has been installed and generated. */
const byHand: readonly [RegExp, (command: string, at: string) => void][] = [
  [/^npm ci --include=dev /, () => undefined],
  [/^npm ci --omit=dev --omit=optional /, (_, at) => linkPackages(at)],
  [
    /^node scripts\/run\.mjs generate && /,
    (_, at) => {
      for (const made of ['generated/sample', 'generated/sample-metadata', 'public/build'])
        cpSync(join(root, made), join(at, made), { recursive: true });
    },
  ],
  [
    /^node scripts\/trim-packages\.mjs$/,
    (_, at) => {
      const args = ['scripts/trim-packages.mjs'];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: at, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    },
  ],
];

let image = '';
let environment: Record<string, string> = {};
/** Somebody who may write nothing of the image, where we can be one. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

test.before(async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-image-'));
  (t as TestContext).after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const built = await walkDockerfile({
    folder,
    run(command, at) {
      const [, step] = byHand.find(([pattern]) => pattern.test(command)) ?? [];
      assert.ok(step, `The Dockerfile runs what this test does not know: ${command}`);
      step(command, at);
    },
  });
  image = built.folder;
  environment = environmentOf(built.stage);
  const words = built.stage.steps.map(({ word, rest }) => `${word} ${rest}`);
  assert.ok(words.includes('USER node'));
  assert.ok(words.includes('ENTRYPOINT ["/app/scripts/container.sh"]'));
});

type Deferring = Pick<Awaited<ReturnType<typeof testDatabase>>, 'defer'>;

interface Ran {
  text(): string;
  ended: Promise<number | null>;
  child: ReturnType<typeof spawn>;
}

/** A container's process 1, with what the image sets, in a folder that it cannot write. */
function run({ defer }: Deferring, args: readonly string[], env: Record<string, string>): Ran {
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-image-state-'));
  chmodSync(state, 0o777);
  const child = spawn(join(image, 'scripts/container.sh'), args, {
    cwd: image,
    env: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      ...environment,
      BULKHEAD_FOLDER: state,
      PORT: '0',
      ...env,
    },
    ...nobody,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  defer(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(state, { recursive: true, force: true });
  });
  return { text: () => text, ended, child };
}

/** Resolves once it has said so; fails where it ends before. */
async function said(ran: Ran, pattern: RegExp): Promise<string> {
  const heard = new Promise<void>((done) => {
    const look = () => pattern.test(ran.text()) && done();
    for (const stream of [ran.child.stdout, ran.child.stderr]) stream?.on('data', look);
    look();
  });
  await Promise.race([
    heard,
    ran.ended.then((code) => assert.fail(`it ended with ${code}: ${ran.text()}`)),
  ]);
  return pattern.exec(ran.text())?.[1] ?? '';
}

const secret = { BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough' };

test('the image serves the admin, and a schema that it is shown, with the packages that the product stands on, as somebody who may write nothing of it', async (t) => {
  const schemas = mkdtempSync(join(tmpdir(), 'bulkhead-image-schema-'));
  t.after(() => rmSync(schemas, { recursive: true, force: true }));
  chmodSync(schemas, 0o755);
  cpSync(join(root, 'src/testing/schemas/prisma-7/prisma'), schemas, { recursive: true });
  for (const args of [[], ['--schema', join(schemas, 'schema.prisma')]]) {
    const { connectionString, defer } = await testDatabase(t, { content: 'nothing' });
    const env = { DATABASE_URL: connectionString, ...secret };
    const served = run({ defer }, ['serve', ...args], env);
    const address = await said(served, /is served at (\S+)/);
    const page = await fetch(`${address.replace('0.0.0.0', '127.0.0.1')}/sign-in`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /\/static\/build\/styles\.css\?v=/);
    served.child.kill('SIGTERM');
    assert.equal(await served.ended, 0, served.text());
  }
});

test('the image is every command: a worker that gets its signals, migrations, people, and what is no command is said', async (t) => {
  const { connectionString: DATABASE_URL, defer } = await testDatabase(t, { content: 'nothing' });
  const end = async (args: string[], env: Record<string, string> = {}) => {
    const ran = run({ defer }, args, { DATABASE_URL, ...env });
    return [await ran.ended, ran.text()] as const;
  };
  const [, before] = await end(['migrate', '--check']);
  assert.match(before, /^Not applied yet: .*\. bulkhead migrate applies them\.$/m);
  assert.equal((await end(['migrate']))[0], 0);
  assert.equal((await end(['migrate', '--check']))[0], 0);
  const worker = run({ defer }, ['work'], { DATABASE_URL });
  await said(worker, /(A worker is running)/);
  worker.child.kill('SIGTERM');
  assert.equal(await worker.ended, 0, worker.text());
  const [wrong, sentence] = await end(['migrat']);
  assert.equal(wrong, 2);
  assert.match(sentence, /There is no command "migrat"\. Did you mean "migrate"\?/);
  assert.deepEqual(await end(['node', '--print', '6 * 7']), [0, '42\n']);
});

test('pages of a container are not served without a secret that all have, and nothing is kept in the container', async (t) => {
  const { connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const served = run({ defer }, ['serve'], { DATABASE_URL: connectionString });
  assert.equal(await served.ended, 1);
  assert.match(served.text(), /^Set BULKHEAD_SESSION_SECRET to at least 32 characters/m);
  const folder = join(tmpdir(), `bulkhead-image-folder-${process.pid}`);
  mkdirSync(folder, { mode: 0o777 });
  chmodSync(folder, 0o777);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const kept = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder, ...secret };
  const again = run({ defer }, ['serve'], kept);
  await said(again, /is served at (\S+)/);
  assert.deepEqual(readdirSync(folder), []);
});

test('the probe of the image answers for the process that it is asked about', async (t) => {
  const { connectionString: DATABASE_URL, defer } = await testDatabase(t, { content: 'nothing' });
  const served = run({ defer }, ['serve'], { DATABASE_URL, BULKHEAD_PREFIX: '/admin', ...secret });
  const port = /:(\d+)/.exec(await said(served, /is served at (\S+)/))?.[1] ?? '';
  // As it is asked there, where process 1 is what serves.
  const probe = (env: Record<string, string>) =>
    spawnSync(process.execPath, [join(image, 'scripts/probe.mjs')], {
      env: { BULKHEAD_PROCESS: String(served.child.pid), ...env },
    }).status;
  assert.equal(probe({ PORT: port, BULKHEAD_PREFIX: '/admin' }), 0);
  assert.equal(probe({ PORT: port }), 1);
  assert.equal(probe({ PORT: '1' }), 1);
});

test('what it is made, tried and tested with is not in the image, unless a package of the product stands on it too; nor a second Node, other databases, fonts', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as {
    devDependencies: Record<string, string>;
  };
  const needed = new Set(
    [...packagesOfProduct().values()].flatMap(({ dependencies = {} }) => Object.keys(dependencies)),
  );
  const there = (name: string) => existsSync(join(image, 'node_modules', name));
  const left = Object.keys(devDependencies).filter((name) => there(name) && !needed.has(name));
  assert.deepEqual(left, []);
  for (const name of ['playwright', 'typescript', '@biomejs/biome'])
    assert.ok(name in devDependencies && !needed.has(name), name);
  for (const name of ['node', 'node/bin/node', '@prisma/studio-core/dist', 'mysql2', 'react'])
    assert.equal(there(name), false, name);
  assert.equal(there('lucide-static/font'), false);
  assert.ok(there('lucide-static/icons/archive.svg'));
  // Bytes beside Node's own image; `npm run image` says which packages they are.
  assert.ok(bytesOf(image) < 150e6, `${Math.round(bytesOf(image) / 1e6)} MB`);
  assert.equal(existsSync(join(image, 'src/testing')), false);
});
