import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { thrownErrors } from './thrown-errors.ts';

interface Row {
  statuses: readonly number[];
  details: readonly string[];
}

async function readRows(): Promise<Map<string, Row>> {
  const text = await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([\w-]+)` \| ([\d, ]+) \| .+? \| ?(.*?) ?\|$/gm)];
  return new Map(
    rows.map(([, code = '', statuses = '', details = '']) => [
      code,
      {
        statuses: statuses.split(', ').map(Number),
        details: [...details.matchAll(/`(\w+):/g)].map(([, key]) => key as string),
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
    ([code, { statuses, details }]) => `${code} ${statuses.join()} ${[...details].sort().join()}`,
  );
  const there = [...thrown].map(
    ([code, { statuses, details }]) =>
      `${code} ${[...statuses].sort().join()} ${[...details].sort().join()}`,
  );
  assert.deepEqual(said.sort(), there.sort());
});
