import assert from 'node:assert/strict';
import { test } from 'node:test';
import { taken } from '../resources/check-operations.ts';
import { readProduct, readTexts } from '../testing/read-texts.ts';
import { operationKinds } from './operations.ts';

/** The members, the file that lists them, and the one that says which names a project may not use. */
const members =
  /^src\/(?:operations\/(?:operations|update\/update|delete\/delete|undo\/undo)|resources\/check-operations)\.ts$/;

const name = `(?:${operationKinds.join('|')})`;
const quoted = `(?:'${name}'|"${name}"|\`${name}\`)`;
const item = `(?:'[^']*'|"[^"]*"|\`[^\`]*\`)`;
const askings: Readonly<Record<string, RegExp>> = {
  'compares with a name': new RegExp(`[=!]==?\\s*${quoted}|${quoted}\\s*[=!]==?`, 'g'),
  'branches on a name': new RegExp(`\\bcase\\s*\\(?${quoted}`, 'g'),
  'looks for a name': new RegExp(
    `\\.(?:startsWith|endsWith|includes|has|get|indexOf|localeCompare)\\(\\s*${quoted}`,
    'g',
  ),
  'looks a name up in a list': new RegExp(
    `\\[(?:\\s*${item},)*\\s*${quoted}(?:,\\s*${item})*,?\\s*\\](?:\\s+(?:as|satisfies)[^)\\n]*\\))?\\s*\\.\\w+\\(`,
    'g',
  ),
  'has a list of names': new RegExp(
    `(?<![\\w)\\]?.]\\s?)\\[(?:\\s*${quoted},)*\\s*${quoted},?\\s*\\]`,
    'g',
  ),
  'matches a name': new RegExp(`/\\^?\\(?(?:\\?:)?(?:${name}[|$)]+)+/`, 'g'),
  // What was written to a record is created, updated or deleted, in words of its own.
  'has a table by name': new RegExp(
    `\\{(?![^{}]*\\bcreate['"]?:)[^{};]*\\b${name}['"]?:[^{};]*\\b${name}['"]?:[^{};]*\\}|\\}\\)?\\s*\\[[\\w.]*\\b(?:operation|kind)\\b[\\w.]*\\]|\\bRecord<OperationKind\\b|\\[\\s*\\[\\s*${quoted},`,
    'g',
  ),
};

function findAskings(text: string): string[] {
  return Object.entries(askings).flatMap(([what, pattern]) =>
    [...text.matchAll(pattern)].map(
      ({ index, 0: found }) =>
        `${text.slice(0, index).split('\n').length}: ${what}: ${found.trim()}`,
    ),
  );
}

test('nobody but an operation asks for its name', async () => {
  const texts = [...(await readProduct()), ...(await readTexts('{views,bench}/**/*.{eta,ts}'))];
  const found = texts
    .filter(([path]) => !members.test(path) && !path.endsWith('.test.ts'))
    .flatMap(([path, text]) => findAskings(text).map((asking) => `${path}:${asking}`));
  assert.deepEqual(
    found,
    [],
    `Let the contract say it (src/operations/contract.ts):\n${found.join('\n')}`,
  );
});

test('a name is found however it is asked for', () => {
  for (const text of [
    `operation.name === 'update'`,
    `if ("delete" != kind) return;`,
    `if (kind === \`undo\`) return;`,
    `switch (task.operation) {\n  case 'delete':\n}`,
    `['update'].includes(operation.name)`,
    `[\n  'archive',\n  'update',\n].some((one) => one === kind)`,
    `(['update', 'x'] as const).includes(kind)`,
    `const bulk = ['update', 'delete'];`,
    `new Set(['undo'])`,
    `task.operation.startsWith('update')`,
    `/^(update|delete)$/.test(kind)`,
    `const labels = { update: 'Edit', delete: 'Delete' };\nlabels[task.operation]`,
    `const labels: Record<OperationKind, string> = all;`,
    `new Map([['update', 'Edit']])`,
    `({ archive: 'box' })[operation.kind]`,
  ])
    assert.notDeepEqual(findAskings(text), [], text);
  for (const text of [
    `const icons = { create: 'plus', update: 'pencil', delete: 'trash-2' };`,
    `followUpTexts.parent[isUndo ? 'undo' : 'retry']`,
    `historyTexts['undo']`,
    `const actions = ['list', 'update'];`,
    `launch(context, cities, 'update', body)`,
  ])
    assert.deepEqual(findAskings(text), [], text);
});

test('no operation of a project takes the name of one that every resource has', () => {
  assert.deepEqual([...taken].sort(), [...operationKinds].sort());
});
