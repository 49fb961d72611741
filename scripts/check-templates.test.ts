import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { checkTemplates } from './check-templates.ts';

const views = join(import.meta.dirname, '../views');

interface Plant {
  file: string;
  from: string;
  to: string;
  says: RegExp;
  /** Where it is said; default: where it was planted. */
  at?: [file: string, text: string];
}

const plants: readonly Plant[] = [
  {
    file: 'bulk/_delete.eta',
    from: 'it.heading',
    to: 'it.headnig',
    says: /'headnig' does not exist/,
  },
  {
    file: 'records/show.eta',
    from: 'it.words.related',
    to: 'it.words.relatd',
    says: /'relatd' does not exist/,
  },
  {
    file: 'list/index.eta',
    from: "include('/list/_list', it)",
    to: "include('/list/_lits', it)",
    says: /_lits/,
  },
  {
    file: 'bulk/edit.eta',
    from: 'isPage: true',
    to: 'isPge: true',
    says: /'isPge' does not exist/,
  },
  {
    file: 'tasks/failures.eta',
    from: '...it.inList, className',
    to: '...it.inList, clasName',
    says: /clasName/,
  },
  {
    file: 'tasks/show.eta',
    from: "'/tasks/_details', it.details",
    to: "'/tasks/_details', it.ended",
    says: /EndedData/,
  },
  {
    file: 'records/_value.eta',
    from: '<%= it.text %>',
    to: '<%= it.whole %>',
    says: /parameter of type 'string \| number'/,
  },
  {
    file: 'home/show.eta',
    from: "ICON('list-checks', 'size-6')",
    to: "ICON('list-checks', 6)",
    says: /'number' is not assignable/,
  },
  {
    file: 'list/_filters.eta',
    from: "ICON('search')",
    to: "ICON('serach')",
    says: /'"serach"' is not assignable/,
  },
  {
    file: 'filter/edit.eta',
    from: '/* it: FilterData */',
    to: '/* it: FilterDta */',
    says: /'FilterDta'/,
  },
  {
    file: 'records/gone.eta',
    from: '/* it: RecordGoneData */',
    to: '/* it: RecordLockedData */',
    says: /RecordGoneData/,
  },
  // Eta would hand on the message of whoever includes it, which is a text.
  {
    file: 'bulk/_reason.eta',
    from: 'isPreserved?: true',
    to: 'isPreserved?: true; message?: number',
    says: /'message' is missing/,
    at: ['bulk/_edit.eta', "include('/bulk/_reason'"],
  },
];

test('what a template misspells, or gives wrongly to another, is said with its line', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-views-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(views, folder, { recursive: true });
  const lineOf = async (file: string, text: string) => {
    const whole = await readFile(join(folder, file), 'utf8');
    assert.ok(whole.includes(text), `${file} has no ${text}`);
    return whole.slice(0, whole.indexOf(text)).split('\n').length;
  };
  const places = await Promise.all(
    plants.map(({ file, from, at }) => lineOf(...(at ?? [file, from]))),
  );
  for (const { file, from, to } of plants) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), text.replace(from, to));
  }
  const { count, remarks } = await checkTemplates(folder);
  assert.ok(count > 60);
  const named = remarks.map(({ file, ...remark }) => ({
    ...remark,
    file: file.slice(file.lastIndexOf(`${basename(folder)}/`) + basename(folder).length + 1),
  }));
  for (const [index, { file, says, at }] of plants.entries()) {
    const said = named.filter((one) => one.file === (at?.[0] ?? file));
    assert.ok(
      said.some(({ line, text }) => line === places[index] && says.test(text)),
      `${file}, ${places[index]}, ${says}: ${JSON.stringify(said)}`,
    );
  }
  const expected = new Set(plants.map(({ file, at }) => at?.[0] ?? file));
  // A part is wrong at everyone who includes it.
  assert.deepEqual(
    named.filter(({ file, text }) => !expected.has(file) && !/'message' is missing/.test(text)),
    [],
  );
});

test('a template that does not say the type of its data is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-views-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '_bare.eta'), '<p><%= it.text %></p>\n');
  const { remarks } = await checkTemplates(folder);
  assert.deepEqual(
    remarks.map(({ file, line }) => [basename(file), line]),
    [['_bare.eta', 1]],
  );
});
