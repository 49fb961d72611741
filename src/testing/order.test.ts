import assert from 'node:assert/strict';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { readProduct, readTexts } from './read-texts.ts';

/**
 * From the ground up: a file imports from its own room and from those before it. Folders within a
 * room are rooms of their own.
 */
const rooms = [
  'our-files.ts command-line.ts errors.ts database-address.ts nearest.ts notify.ts bounded-map.ts own-property.ts read-strictly.ts form-texts.ts icon-names.ts limits.ts plain-json.ts queue-names.ts unique.ts version.ts within.ts config.ts config-for.ts kept-secret.ts view-folder.ts project-files.ts own-look.ts audit-keys.ts signed-post.ts',
  'log db audit queue metadata fields auth resources task-definitions selection',
  'operations/edits operations operations/refusals operations/journal operations/rules operations/cascade',
  'operations/undo operations/update operations/delete operations/own',
  'operations/operations.ts operations/count-cascade.ts operations/save-record.ts',
  'tasks/schedules/check-schedules.ts channels/contract.ts',
  'tasks tasks/looking tasks/running/may-run.ts tasks/follow-ups/follow-up.ts tasks/follow-ups/undone-through.ts tasks/follow-ups/prepare-undo.ts tasks/start-over/assert-undoable.ts',
  'tasks/own/launch-rules.ts tasks/own/unique.ts tasks/own/mask.ts tasks/own/secret-params.ts tasks/own/read-params.ts tasks/own/reuse.ts tasks/own/own-launch.ts tasks/own/insert-own.ts tasks/own/launch-own.ts tasks/follow-ups/undo-run.ts tasks/start-over',
  'tasks/running tasks/hooks tasks/own tasks/previewing tasks/launching tasks/schedules tasks/control tasks/follow-ups tasks/worker tasks/matching',
  'health channels',
  'task-info.ts task-columns.ts task-manager.ts pages admin-settings.ts plugin-origins.ts admin-definition.ts place-admin.ts check-extensions.ts task-managers.ts',
  'http http/shell http/controls http/plugins http/tasks http/schedules http/overview http/health http/notices http/deliveries http/audit http/list http/records http/activity http/bulk http/live http/home http/people http/sign-in http/own-pages http/routes.ts',
  'mounts.ts agreed-settings.ts build-context.ts create-task-manager.ts create-test-tasks.ts backend-suite.ts app.ts run-worker.ts open-site.ts',
  // What every way to begin takes, whether a command or an app of the project's.
  'cli/connection.ts cli/exit-statuses.ts cli/sentence.ts cli/same-database.ts cli/migrate-all.ts cli/project cli/schema cli/database-notes.ts cli/database cli/open-project.ts cli/bring-up.ts cli/first-users.ts',
  'mount index.ts sample admin.ts cli',
].flatMap((line) => line.split(' '));

type Sources = ReadonlyMap<string, string>;

/** Of the innermost room that it stands in; -1: none. */
function place(path: string): number {
  const around = rooms.filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.indexOf(around.sort((a, b) => b.length - a.length)[0] ?? '');
}

/** Everything that a source imports, files of ours by their paths from `src`. */
function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^'\s]+)'/g);
  return [...found].map(([, target = '']) =>
    target.startsWith('.') ? normalize(join(dirname(path), target)) : target,
  );
}

const isOurs = (target: string) => /\.ts$/.test(target) && !target.startsWith('..');

/** What tests, measurements and scripts are made of is there for them alone. */
function arrowsOut(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    importsOf(path, text).flatMap((target) =>
      (isOurs(target) && place(target) === -1) || /^\.\.\/(?!generated\/|prisma\/)/.test(target)
        ? [`${path} → ${target}`]
        : [],
    ),
  );
}

function arrowsUp(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    importsOf(path, text)
      .filter(isOurs)
      .flatMap((target) => (place(path) < place(target) ? [`${path} → ${target}`] : [])),
  );
}

function circles(sources: Sources): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' → '));
    if (way.includes(path) || done.has(path)) return;
    for (const target of importsOf(path, sources.get(path) ?? '').filter(isOurs))
      walk(target, [...way, path]);
    done.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return found;
}

async function readSources(): Promise<Sources> {
  return new Map(
    [...(await readProduct())].map(([path, text]) => [path.replace(/^src\//, ''), text]),
  );
}

test('imports point from later rooms to earlier ones, and every file has its place', async () => {
  const sources = await readSources();
  assert.ok(sources.size > 300);
  assert.deepEqual(
    [...sources.keys()].filter((path) => place(path) === -1),
    [],
  );
  assert.deepEqual(arrowsUp(sources), []);
  assert.deepEqual(arrowsOut(sources), []);
});

/** What a project has that runs Bulkhead, and the only file of ours that it may import. */
const ofProjects = /^(?:node:.*|zod|pg|@prisma\/adapter-pg|index\.ts|\.\.\/generated\/.*)$/;

function beyondProjects(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => path.startsWith('sample/'))
    .flatMap(([path, text]) => importsOf(path, text))
    .filter((target) => !target.startsWith('sample/') && !ofProjects.test(target));
}

test('the sample imports what any project could', async () => {
  const sources = await readSources();
  assert.ok([...sources.keys()].some((path) => path.startsWith('sample/')));
  assert.deepEqual(beyondProjects(sources), []);
  const planted = `import { z } from 'zod';\nimport { sql } from '../db/sql.ts';\nimport { DateTime } from 'luxon';`;
  assert.deepEqual(beyondProjects(new Map([['sample/a.ts', planted]])), ['db/sql.ts', 'luxon']);
});

/** Packages that a source needs when it runs, not for its types alone. */
function packagesOf(text: string): string[] {
  const found = text.matchAll(
    /^(?:import|export)(?! type\b)(?:[^;']*?\bfrom)? '([^'.][^']*)'|\bimport\('([^'.][^']*)'\)/gm,
  );
  return [...found]
    .map(([, named, called]) => named ?? called ?? '')
    .filter((target) => !target.startsWith('node:'))
    .map((target) => target.split('/', target.startsWith('@') ? 2 : 1).join('/'));
}

type Packages = Readonly<Record<string, string>>;

/** Of those that sources import: what does not come with the product, or in whichever version. */
function packagesAmiss(sources: Sources, packages: Packages): string[] {
  return [...new Set([...sources.values()].flatMap(packagesOf))].filter(
    (name) => !/^\d+\.\d+\.\d+(-.+)?$/.test(packages[name] ?? ''),
  );
}

test('every package that the product imports comes with it, in one version', async () => {
  const text = (await readTexts('package.json')).get('package.json') ?? '';
  const { dependencies, optionalDependencies } = JSON.parse(text) as Record<string, Packages>;
  const sources = await readSources();
  const all = new Set([...sources.values()].flatMap(packagesOf));
  for (const name of ['graphile-worker', 'pg', 'fastify', 'zod', '@fastify/static'])
    assert.ok(all.has(name), name);
  assert.deepEqual(packagesAmiss(sources, { ...dependencies, ...optionalDependencies }), []);
  const planted = [
    `import type { A } from 'types';\nimport a, {\n  type B,\n} from 'one/part';\nimport fs from 'node:fs';`,
    `export { b } from '@two/three/four';\nimport 'loose';\nawait import('late');\nimport { c } from './c.ts';`,
  ];
  const found = new Map(planted.map((one, at) => [`${at}.ts`, one]));
  assert.deepEqual(packagesAmiss(found, { one: '1.0.0', loose: '^1.0.0' }), [
    '@two/three',
    'loose',
    'late',
  ]);
});

test('a folder of views has the name of a noun of http, and its texts are beside its data', async () => {
  const all = [...(await readSources()).keys()];
  const paths = all.filter((path) => path.startsWith('http/'));
  // What http shows for other rooms: texts of edits.
  const elsewhere = all.filter((path) => !path.startsWith('http/')).map((path) => basename(path));
  const nouns = new Set(
    paths.flatMap((path) => [path.split('/')[1], basename(path).replace(/(-routes)?\.ts$/, '')]),
  );
  const folders = [...(await readTexts('views/*/*.eta')).keys()].map((path) => path.split('/')[1]);
  assert.deepEqual(
    [...new Set(folders)].filter((folder) => !nouns.has(folder)),
    [],
  );
  const lonely = paths.filter((path) => {
    const [, noun = ''] = /^(.*)-texts\.ts$/.exec(path) ?? [];
    const isRoom = basename(noun) === basename(dirname(noun));
    const isData = [`${noun}.ts`, `${noun}-routes.ts`].some((other) => paths.includes(other));
    return noun !== '' && !isRoom && !isData && !elsewhere.includes(`${basename(noun)}.ts`);
  });
  assert.deepEqual(lonely, []);
});

test('no file leads to itself', async () => {
  assert.deepEqual(circles(await readSources()), []);
});

test('an arrow up, one to what is there for tests, and a circle are found', () => {
  const up = new Map([['db/pool.ts', `import type { A } from '../tasks/context.ts';`]]);
  assert.deepEqual(arrowsUp(up), ['db/pool.ts → tasks/context.ts']);
  const out = new Map([
    [
      'http/a.ts',
      `import { testApp } from '../testing/app.ts';\nimport type { Row } from '../../bench/table.ts';`,
    ],
  ]);
  assert.deepEqual(arrowsOut(out), ['http/a.ts → testing/app.ts', 'http/a.ts → ../bench/table.ts']);
  const around = new Map([
    ['db/a.ts', `import type { B } from './b.ts';`],
    ['db/b.ts', `import { a } from './a.ts';`],
  ]);
  assert.deepEqual(circles(around), ['db/a.ts → db/b.ts → db/a.ts']);
});
