import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig, settingNames } from '../../config.ts';
import { deleteWords, editWords } from '../../operations/words.ts';
import { previewTexts } from './previews-texts.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFile(join(root, path), 'utf8');
const names = ['bulk-editing', 'edits', 'undo-and-retention', 'tuning'] as const;
const guides = new Map(
  await Promise.all(names.map(async (name) => [name, await read(`docs/${name}.md`)] as const)),
);

/** First cells of a table's rows, by its head. */
function rowsUnder(head: string, guide: string): string[] {
  const lines = guide.slice(guide.indexOf(head)).split('\n\n')[0]?.split('\n') ?? [];
  return lines.slice(2).map((line) => line.split(' | ')[0]?.replace(/^\| /, '') ?? '');
}

test('every bench that a guide names is there', async () => {
  const benches = await read('bench/main.ts');
  const named = [...[...guides.values()].join('\n').matchAll(/bench -- ([\w-]+)/g)].map(
    ([, name]) => name as string,
  );
  assert.ok(named.length > 5);
  for (const name of named) assert.match(benches, new RegExp(`^ +'?${name}'?[:,]`, 'm'), name);
});

test('every setting that a guide names is there, with the default that it says', () => {
  const defaults = parseConfig({});
  for (const [name, guide] of guides) {
    for (const [, setting = '', said] of guide.matchAll(
      /`(BULKHEAD_[A-Z_]+)`(?: \(([\d.,]*\d))?/g,
    )) {
      assert.ok((settingNames as readonly string[]).includes(setting), `${setting} in ${name}`);
      if (said)
        assert.equal(
          Number(said.replaceAll(',', '')),
          defaults[setting as keyof typeof defaults],
          `${setting} in ${name}`,
        );
    }
  }
});

test('the guide has every figure of a preview, and no other', () => {
  const figures = rowsUnder('| figure |', guides.get('bulk-editing') ?? '').flatMap((cell) =>
    cell.split(' / '),
  );
  assert.deepEqual(
    figures.toSorted(),
    [editWords.willBe, deleteWords.willBe, ...Object.values(previewTexts.counts)].toSorted(),
  );
});

test('the guide has every option of a preview, in the words of the page', () => {
  const { background, skipChanged, overlapLegend, stopPercent } = previewTexts;
  const options = rowsUnder('| option |', guides.get('bulk-editing') ?? '');
  assert.equal(options.length, 4);
  for (const words of [background, skipChanged, overlapLegend, stopPercent]) {
    assert.ok(
      options.some((option) => words.startsWith(option)),
      words,
    );
  }
});
