import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { metadata } from '../generated/sample-metadata/metadata.ts';
import { BoundedMap } from './bounded-map.ts';
import { type Config, parseConfig } from './config.ts';
import { defineResource } from './index.ts';
import { limitValues, settingBounds } from './limits.ts';
import { wellShaped } from './resources/option-shapes.ts';
import type { ResourceOptions } from './resources/options.ts';
import { Problems } from './resources/problems.ts';
import { readProduct } from './testing/read-texts.ts';

test('the docs list every limit with its number, and no other', async () => {
  const text = await readFile(join(import.meta.dirname, '../docs/limits.md'), 'utf8');
  const said = [...text.matchAll(/^\| `(\w+\.\w+)` \| ([\d,]+) \|/gm)].map(([, name, max = '']) => [
    name,
    Number(max.replaceAll(',', '')),
  ]);
  assert.deepEqual(Object.fromEntries(said), limitValues);
});

test('the docs say from what to what each setting may be', async () => {
  const text = await readFile(join(import.meta.dirname, '../docs/limits.md'), 'utf8');
  const said = [...text.matchAll(/^\| `([A-Z_]+)`[^|]*\| ([\d,]+) \| ([\d,]+) \|/gm)].map(
    ([, name, ...ends]) => [name, ends.map((end) => Number(end.replaceAll(',', '')))],
  );
  assert.deepEqual(Object.fromEntries(said), settingBounds);
});

test('a setting may be its lowest and its highest, and nothing beyond', () => {
  for (const [name, [low, high]] of Object.entries(settingBounds)) {
    for (const value of [low, high])
      assert.equal(parseConfig({ [name]: String(value) })[name as keyof Config], value);
    for (const value of [low - 1, high + 1, low + 0.5, Number.NaN]) {
      assert.throws(() => parseConfig({ [name]: String(value) }), {
        message: `Settings that cannot be used: ${name}: must be a whole number from ${low} to ${high}.`,
      });
    }
  }
});

test('a resource says no number that its setting could not be', () => {
  const nearer: Record<string, [keyof typeof settingBounds, (value: number) => ResourceOptions]> = {
    countLimit: ['BULKHEAD_COUNT_LIMIT', (countLimit) => ({ countLimit })],
    'bulk.minAsyncRecords': [
      'BULKHEAD_MIN_ASYNC_RECORDS',
      (minAsyncRecords) => ({ bulk: { minAsyncRecords } }),
    ],
    'bulk.parallelism': ['BULKHEAD_PARALLELISM', (parallelism) => ({ bulk: { parallelism } })],
    'bulk.chunkSize': ['BULKHEAD_CHUNK_SIZE', (chunkSize) => ({ bulk: { chunkSize } })],
  };
  for (const [key, [setting, options]] of Object.entries(nearer)) {
    const [low, high] = settingBounds[setting];
    const said = (value: number) => {
      const problems = new Problems();
      wellShaped({ ...defineResource(metadata, 'City', {}), options: options(value) }, problems);
      return problems.list;
    };
    for (const value of [low, high]) assert.deepEqual(said(value), []);
    for (const value of [low - 1, high + 1, low + 0.5]) {
      assert.match(
        said(value).join(),
        new RegExp(`${key}: must be a whole number from ${low} to ${high}\\.`),
      );
    }
  }
});

test('one more than is remembered, and the first is forgotten', () => {
  const map = new BoundedMap<number, string>(2);
  map.set(1, 'a').set(2, 'b').set(1, 'c').set(3, 'd');
  assert.deepEqual(
    [...map],
    [
      [2, 'b'],
      [3, 'd'],
    ],
  );
});

/** Maps that live as long as the process, and why nobody can make them grow. */
const known: Record<string, string> = {
  'src/db/client.ts': 'of addresses that settings name',
  'src/db/standby.ts': 'of requests that wait for one',
  'src/db/turns.ts': 'of requests that wait, of which the server takes so many',
  'src/db/what-became.ts': 'of the servers of such addresses',
  'src/http/icons.ts': 'files of a folder',
  'src/operations/rules/objections.ts': 'of one set of records',
  'src/tasks/running/apply-isolated.ts': 'of one chunk',
  'src/tasks/worker/heartbeat-thread.ts': 'of workers of this process',
};

test('what lives as long as a process and grows is bounded', async () => {
  const found = new Set<string>();
  for (const [file, text] of await readProduct()) {
    if (
      /^(?:export )?(?:const|let) \w+(?::[^=]+)? = new (?:Map|Set)(?:<.*>)?\(\)|^ +(?:static |readonly )*#?\w+ = new (?:Map|Set)(?:<.*>)?\(\)/m.test(
        text,
      )
    ) {
      found.add(file);
    }
  }
  assert.deepEqual([...found].sort(), Object.keys(known).sort());
});
