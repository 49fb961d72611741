import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { compileProject } from './compile-project.ts';
import { walkExpress } from './express.ts';
import { walkFastify } from './fastify.ts';
import { firstAdmin } from './first-admin.ts';
import { firstPage } from './first-page.ts';
import type { HostRun } from './host-run.ts';
import { walkLibrary, walkPages } from './library-walk.ts';
import { hostFolder, makeProject, type Project } from './project.ts';

/** Every kind of project that Bulkhead is installed in, by the folder of its sources in `hosts/`. */
export const hosts: Readonly<Record<string, (run: HostRun) => Promise<void>>> = {
  fastify: walkFastify,
  'prisma-6': walkPrisma6,
  express: walkExpress,
  database: walkDatabase,
  'prisma-6-client': walkPrisma6Client,
};

/** A schema of Prisma 6, looked at as it is, and then with tasks of the project's own. */
async function walkPrisma6({ place, packed, database, say }: HostRun): Promise<void> {
  const { connectionString, pool } = database;
  const env = { DATABASE_URL: connectionString, PORT: '0' };
  const project = makeProject(place, 'prisma-6', [
    'package.json',
    'prisma',
    'prisma/schema.prisma',
  ]);
  await project.install(packed.file);
  const bare = await project.start('npx bulkhead start --schema prisma/schema.prisma', env);
  const visitor = await firstAdmin(bare);
  say(firstPage(project));
  await walkPages({ visitor, prefix: '', pool });
  await bare.stop();

  refine(project, 'prisma-6');
  const refined = await project.start('npx bulkhead start', env);
  await walkLibrary({ visitor: await firstAdmin(refined), prefix: '', pool });
  await refined.stop();
}

/** No schema at all; what was found is kept, and a task of one's own is added. */
async function walkDatabase({ place, packed, database, say }: HostRun): Promise<void> {
  const { connectionString, pool } = database;
  const project = makeProject(place, 'database', []);
  await project.install(packed.file);
  const bare = await project.start(`npx bulkhead --database ${connectionString} --port 0`);
  const visitor = await firstAdmin(bare);
  say(firstPage(project));
  await walkPages({ visitor, prefix: '', pool });
  await bare.stop();

  await project.type(`npx bulkhead generate --database ${connectionString}`);
  refine(project, 'database');
  assert.equal(compileProject(project.folder, ['bulkhead.config.ts']), '');
  const refined = await project.start('npx bulkhead start --port 0', {
    DATABASE_URL: connectionString,
  });
  await walkLibrary({ visitor: await firstAdmin(refined), prefix: '', pool });
  await refined.stop();
}

/** A client of Prisma 6.16 without an engine of its own, which the project generates itself. */
async function walkPrisma6Client({ place, packed, database, say }: HostRun): Promise<void> {
  const { connectionString, pool } = database;
  const env = { DATABASE_URL: connectionString, PORT: '0' };
  const sources = ['package.json', 'prisma', 'prisma/schema.prisma'];
  const project = makeProject(place, 'prisma-6-client', sources);
  await project.install(packed.file);
  await project.type('npx bulkhead init', env);
  await project.type('npx prisma generate', env);
  const first = await project.start('npx bulkhead start', env);
  const visitor = await firstAdmin(first);
  assert.equal((await visitor.open('/books')).status, 200);
  say(firstPage(project));
  await first.stop();

  refine(project, 'prisma-6-client');
  assert.equal(compileProject(project.folder, ['bulkhead.config.ts']), '');
  const [pages, worker] = [
    await project.start('npx bulkhead serve', env),
    await project.start('npx bulkhead work', env),
  ];
  await walkLibrary({ visitor: await firstAdmin(pages), prefix: '', pool });
  await worker.stop();
  await pages.stop();
}

/** The rest of its sources. */
function refine({ folder }: Project, host: string): void {
  cpSync(hostFolder(host), folder, {
    recursive: true,
    filter: (path) => !/package\.json$|prisma$/.test(path),
  });
}
