import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, matchesGlob, relative } from 'node:path';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Package {
  dependencies?: Record<string, string>;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}

/**
 * The packages that `npm ci --omit=dev --omit=optional` leaves, by their folders in the lock file.
 */
function packagesOfImage(): Map<string, Package> {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, Package>;
  };
  return new Map(
    Object.entries(packages).filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    ),
  );
}

/**
 * What the last stage of the Dockerfile copies, less what .dockerignore keeps out; with those
 * packages.
 */
function makeImage(folder: string): void {
  const last =
    read('Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const ignored = read('.dockerignore').trim().split('\n');
  const isMade = (path: string) => /^(generated|public\/build)(\/|$)/.test(path);
  const isKept = (path: string) =>
    isMade(path) || !ignored.some((pattern) => matchesGlob(path, pattern));
  for (const [, names = ''] of last.matchAll(/^COPY (?:--\S+ )*(.+) \S+$/gm)) {
    for (const name of names.split(' ').map((path) => path.replace(/^\/app\//, ''))) {
      cpSync(join(root, name), join(folder, name), {
        recursive: true,
        filter: (from) => isKept(relative(root, from)),
      });
    }
  }
  const packages = [...packagesOfImage().keys()].filter(
    (path) => path.lastIndexOf('node_modules/') === 0,
  );
  const copy = (how: string) =>
    spawnSync('cp', [how, '--parents', 'node_modules/.bin/node', ...packages, folder], {
      cwd: root,
    });
  if (copy('-al').status !== 0) assert.equal(copy('-a').status, 0);
}

test('the image serves the admin, and a schema that it is shown, with the packages that the product stands on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  makeImage(folder);
  const schema = join(root, 'src/testing/schemas/prisma-7/prisma/schema.prisma');
  for (const args of [[], ['--schema', schema]]) {
    const { connectionString } = await testDatabase(t, { content: 'nothing' });
    const env = {
      DATABASE_URL: connectionString,
      PORT: '0',
      BULKHEAD_FOLDER: join(folder, 'state'),
      NODE_ENV: 'production',
    };
    const served = spawn(join(folder, 'scripts/container.sh'), ['serve', ...args], {
      cwd: folder,
      env: { PATH: '/usr/bin:/bin', ...env },
    });
    const ended = once(served, 'exit');
    let text = '';
    for (const stream of [served.stdout, served.stderr])
      stream.on('data', (chunk) => (text += chunk));
    const isServed = new Promise<void>((done) =>
      served.stdout.on('data', () => /is served at/.test(text) && done()),
    );
    try {
      await Promise.race([
        isServed,
        ended.then(([code]) => assert.fail(`it ended with ${code}: ${text}`)),
      ]);
      const page = await fetch(`${/is served at (\S+)/.exec(text)?.[1]}/sign-in`);
      assert.equal(page.status, 200);
      assert.match(await page.text(), /\/static\/build\/styles\.css\?v=/);
    } finally {
      served.kill('SIGTERM');
      await ended;
    }
  }
});

test('what it is made, tried and tested with is not in the image, unless a package of the product stands on it too', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as {
    devDependencies: Record<string, string>;
  };
  const packages = packagesOfImage();
  const needed = new Set(
    [...packages.values()].flatMap(({ dependencies = {} }) => Object.keys(dependencies)),
  );
  const left = Object.keys(devDependencies).filter(
    (name) => packages.has(`node_modules/${name}`) && !needed.has(name),
  );
  assert.deepEqual(left, []);
  for (const name of ['playwright', 'typescript', '@biomejs/biome'])
    assert.ok(name in devDependencies && !needed.has(name), name);
});
