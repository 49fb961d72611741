import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/**
 * From the ground up: a file imports from its own room and from those before it. Folders within a
 * room are rooms of their own.
 */
const rooms = [
  'errors.ts nearest.ts bounded-map.ts own-property.ts form-texts.ts icon-names.ts limits.ts plain-json.ts queue-names.ts config.ts',
  'db queue metadata fields auth resources task-definitions admin-definition.ts selection',
  'operations/edits operations operations/refusals operations/journal operations/rules operations/cascade',
  'operations/undo operations/update operations/delete operations/own',
  'operations/operations.ts operations/count-cascade.ts operations/save-record.ts',
  'tasks tasks/looking tasks/running tasks/own tasks/previewing tasks/launching tasks/control tasks/follow-ups tasks/worker',
  'http http/shell http/controls http/plugins http/tasks http/list http/records http/bulk http/home http/sign-in http/routes.ts',
  'app.ts build-context.ts run-worker.ts task-manager.ts index.ts sample admin.ts cli',
].flatMap((line) => line.split(' '));

type Sources = ReadonlyMap<string, string>;

/** Of the innermost room that it stands in; -1: none. */
function place(path: string): number {
  const around = rooms.filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.indexOf(around.sort((a, b) => b.length - a.length)[0] ?? '');
}

function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g);
  return [...found]
    .map(([, target = '']) => normalize(join(dirname(path), target)))
    .filter((target) => !target.startsWith('..'));
}

function arrowsUp(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    importsOf(path, text).flatMap((target) =>
      place(path) < place(target) ? [`${path} → ${target}`] : [],
    ),
  );
}

function circles(sources: Sources): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' → '));
    if (way.includes(path) || done.has(path)) return;
    for (const target of importsOf(path, sources.get(path) ?? '')) walk(target, [...way, path]);
    done.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return found;
}

async function readSources(): Promise<Sources> {
  const root = join(import.meta.dirname, '..');
  const sources = new Map<string, string>();
  for await (const path of glob('**/*.ts', { cwd: root }))
    if (!/\.test\.ts$|^testing\//.test(path))
      sources.set(path, await readFile(join(root, path), 'utf8'));
  return sources;
}

test('imports point from later rooms to earlier ones, and every file has its place', async () => {
  const sources = await readSources();
  assert.ok(sources.size > 300);
  assert.deepEqual(
    [...sources.keys()].filter((path) => place(path) === -1),
    [],
  );
  assert.deepEqual(arrowsUp(sources), []);
});

test('the sample imports what any project could', async () => {
  const sources = [...(await readSources())].filter(([path]) => path.startsWith('sample/'));
  const others = sources
    .flatMap(([path, text]) => importsOf(path, text))
    .filter((target) => !target.startsWith('sample/'));
  assert.deepEqual(new Set(others), new Set(['index.ts']));
});

test('no file leads to itself', async () => {
  assert.deepEqual(circles(await readSources()), []);
});

test('an arrow up and a circle are found', () => {
  const up = new Map([['db/pool.ts', `import type { A } from '../tasks/context.ts';`]]);
  assert.deepEqual(arrowsUp(up), ['db/pool.ts → tasks/context.ts']);
  const around = new Map([
    ['db/a.ts', `import type { B } from './b.ts';`],
    ['db/b.ts', `import { a } from './a.ts';`],
  ]);
  assert.deepEqual(circles(around), ['db/a.ts → db/b.ts → db/a.ts']);
});
