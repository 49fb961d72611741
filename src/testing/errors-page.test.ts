import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readProduct } from './read-texts.ts';
import { thrownErrors } from './thrown-errors.ts';

interface Row {
  statuses: readonly number[];
  /** Types by keys, as the page writes them. */
  details: ReadonlyMap<string, string>;
}

async function readRows(): Promise<Map<string, Row>> {
  const text = await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([\w-]+)` \| ([\d, ]+) \| .+? \| ?(.*?) ?\|$/gm)];
  return new Map(
    rows.map(([, code = '', statuses = '', details = '']) => [
      code,
      {
        statuses: statuses.split(', ').map(Number),
        details: new Map(
          [...details.matchAll(/`(\w+): ([^`]+)`/g)].map(([, key = '', type = '']) => [key, type]),
        ),
      },
    ]),
  );
}

test('the page of errors has every code with its statuses and details, and no other', async () => {
  const rows = await readRows();
  const thrown = new Map<string, { statuses: Set<number>; details: Set<string> }>();
  for (const { code, status, details } of await thrownErrors()) {
    const all = thrown.get(code) ?? { statuses: new Set(), details: new Set() };
    all.statuses.add(status);
    for (const key of details) all.details.add(key);
    thrown.set(code, all);
  }
  assert.ok(thrown.size > 60, 'the throws are found');
  const said = [...rows].map(
    ([code, { statuses, details }]) =>
      `${code} ${statuses.join()} ${[...details.keys()].sort().join()}`,
  );
  const there = [...thrown].map(
    ([code, { statuses, details }]) =>
      `${code} ${[...statuses].sort().join()} ${[...details].sort().join()}`,
  );
  assert.deepEqual(said.sort(), there.sort());
});

/** The interfaces of a name, whichever files add to it: types by keys. */
function membersOf(name: string, sources: Iterable<string>): Map<string, string> {
  const bodies = [...sources].flatMap((text) => [
    ...text.matchAll(
      new RegExp(`^( *)(?:export )?interface ${name} \\{\\n([\\s\\S]*?)^\\1\\}`, 'gm'),
    ),
  ]);
  const members = bodies.flatMap(([, , body = '']) => [
    ...body.matchAll(/^ *(?:readonly )?(\w+)\??: (.+);$/gm),
  ]);
  return new Map(members.map(([, key = '', type = '']) => [key, type]));
}

/** Whether the page's way to write a type says this one. */
function isSaid(written: string, type: string, sources: readonly string[]): boolean {
  const bare = type.replace(/\breadonly /g, '');
  if (bare === 'Readonly<Record<string, string>>') return /^\{ \w+: sentence \}$/.test(written);
  const [, own = bare, list = ''] = /^(.*?)(\[\])?$/.exec(bare) ?? [];
  const keys = own.startsWith('{')
    ? [...own.matchAll(/(\w+):/g)].map(([, key]) => key)
    : [...membersOf(own, sources).keys()];
  if (keys.length === 0) return written === bare;
  const [, said = '', more, isList = ''] = /^\{ (.+?)(, …)? \}(\[\])?$/.exec(written) ?? [];
  const first = more ? keys.slice(0, said.split(', ').length) : keys;
  return said === first.join(', ') && isList === list;
}

test('what the page says of details is their type', async () => {
  const sources = [...(await readProduct()).values()];
  const types = membersOf('ErrorDetails', sources);
  assert.ok(types.size > 12);
  const said = [...(await readRows())].flatMap(([code, { details }]) =>
    [...details].map(([key, type]) => ({ code, key, type })),
  );
  assert.ok(said.length > 20);
  assert.deepEqual(
    said.filter(({ key, type }) => !isSaid(type, types.get(key) ?? 'none', sources)),
    [],
  );
});

test('another type than the one there is, is found', () => {
  const sources = ['export interface Holder {\n  taskId: number;\n  title: string;\n}'];
  assert.equal(isSaid('string', 'number', sources), false);
  assert.equal(isSaid('string[]', 'readonly string[]', sources), true);
  assert.equal(isSaid('{ id, … }[]', 'readonly Holder[]', sources), false);
  assert.equal(isSaid('{ taskId, … }', 'readonly Holder[]', sources), false);
  assert.equal(isSaid('{ taskId, … }[]', 'readonly Holder[]', sources), true);
  assert.equal(isSaid('{ key }', '{ key: string; code: string }', sources), false);
});
