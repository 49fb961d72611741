import assert from 'node:assert/strict';
import { until } from '../until.ts';
import { compileProject } from './compile-project.ts';
import { firstPage } from './first-page.ts';
import type { HostRun } from './host-run.ts';
import { walkLibrary } from './library-walk.ts';
import { makeProject } from './project.ts';
import { readable, visitSite } from './site-visitor.ts';

/** An Express application with its own sign-in, by `import` and by `require`. */
export async function walkExpress({ place, packed, database, say }: HostRun): Promise<void> {
  const env = { DATABASE_URL: database.connectionString, PORT: '0' };
  const project = makeProject(place, 'express');
  await project.install(packed.file);
  await project.type('npx prisma generate');
  assert.equal(compileProject(project.folder, ['server.ts']), '');
  for (const program of ['server.ts', 'server.cjs']) {
    const server = await project.start(`node ${program}`, env);
    const visitor = visitSite(server.address);
    const stranger = await visitor.open('/admin/books');
    assert.equal(stranger.status, 401, readable(stranger));
    const home = await visitor.open('/');
    await visitor.send(home, /\/sign-in/, { password: 'ada-signs-in' });
    assert.equal((await visitor.open('/admin')).status, 200);
    if (program === 'server.ts') say(firstPage(project));
    await walkLibrary({ visitor, prefix: '/admin', pool: database.pool });
    assert.match((await visitor.open('/')).html, /The library/);
    assert.equal((await visitor.open('/nowhere')).status, 404);
    server.child.kill('SIGTERM');
    await until(() => server.child.exitCode !== null);
    assert.equal(server.child.exitCode, 0, server.text());
  }
}
