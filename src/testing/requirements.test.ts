import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLost, type NamedTest, readNamedTests, testFiles } from './named-tests.ts';
import { readTexts } from './read-texts.ts';

const path = 'docs/requirements.md';

/** Rows of each section, in their order. */
const sections = { S0: 75, S1: 78, S2: 86, S3: 79, S4: 53, E: 20 };

const states = ['here', 'untested', 'otherwise', 'partly', 'later'] as const;

interface Row {
  id: string;
  asked: string;
  state: string;
  where: string;
  tests: readonly NamedTest[];
}

function rowsOf(page: string): Row[] {
  return page.split('\n').flatMap((line) => {
    const [, id = '', asked = '', state = '', where = '', shown = '', ...more] =
      line.split(/ ?\| ?/);
    if (!/^(?:S\d|E)-\d+$/.test(id)) return [];
    assert.equal(more.length, 1, `${id}: a row has five cells`);
    return [{ id, asked, state, where, tests: readNamedTests(shown) }];
  });
}

/** Said by another row, which says it itself. */
const asPattern = /^as ((?:S\d|E)-\d+)$/;

/** What is wrong with the rows, each by its id. */
function faultsOf(rows: readonly Row[], texts: ReadonlyMap<string, string>): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return rows.flatMap(({ id, asked, state, where, tests }) => {
    const [, as] = asPattern.exec(where) ?? [];
    const other = byId.get(as ?? '');
    return [
      !states.some((one) => one === state) && `"${state}" is no state`,
      (!asked || !where) && 'it does not say what, or where',
      as && (other?.state !== state || asPattern.test(other.where)) && where,
      state === 'here' && !other && tests.length === 0 && 'it names no test',
      /^(?:untested|later)$/.test(state) && tests.length > 0 && `${state} has no test`,
      ...findLost(tests, texts),
    ].flatMap((fault) => (fault ? [`${id}: ${fault}`] : []));
  });
}

const read = async () => (await readTexts(path)).get(path) ?? '';

test('every requirement has a row, in its order', async () => {
  const wanted = Object.entries(sections).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, at) => `${name}-${String(at + 1).padStart(2, '0')}`),
  );
  assert.deepEqual(
    rowsOf(await read()).map(({ id }) => id),
    wanted,
  );
});

test('every row has one state, and the tests that it names are there', async () => {
  const texts = await readTexts(testFiles);
  assert.deepEqual(faultsOf(rowsOf(await read()), texts), []);
});

test('the counts of the page are those of its rows', async () => {
  const page = await read();
  const rows = rowsOf(page);
  const counted = (of: readonly Row[]) => [
    of.length,
    ...states.map((state) => of.filter((row) => row.state === state).length),
  ];
  const said = [...page.matchAll(/^\| (S\d|E|all)(?:: [^|]+)? \|((?: \d+ \|)+)$/gm)];
  assert.deepEqual(
    said.map(([, name, numbers = '']) => [name, ...(numbers.match(/\d+/g) ?? []).map(Number)]),
    [
      ...Object.keys(sections).map((name) => [
        name,
        ...counted(rows.filter(({ id }) => id.startsWith(`${name}-`))),
      ]),
      ['all', ...counted(rows)],
    ],
  );
});

test('every function that is asked for by name stands beside ours', async () => {
  const page = 'docs/coming-from.md';
  const text = (await readTexts(page)).get(page) ?? '';
  const theirs = [...text.matchAll(/^\| (.+?) \|/gm)].map(([, cell]) => cell).join('\n');
  const asked = rowsOf(await read()).flatMap((row) =>
    [...row.asked.matchAll(/\b(\w+)\(/g)].map(([, name = '']) => name),
  );
  assert.ok(asked.length > 25);
  assert.deepEqual(
    asked.filter((name) => !new RegExp(`\\b${name}\\(`).test(theirs)),
    [],
  );
});

test('a row that is wrong is found', () => {
  const row = (id: string, state: string, where: string, shown = '') =>
    `| ${id} | something | ${state} | ${where} | ${shown}|`;
  const named = (title: string) => `[a](../src/a.test.ts) › ${title} `;
  const rows = rowsOf(
    [
      row('S0-01', 'here', '`src/a.ts`', named('it is there')),
      row('S0-02', 'here', 'as S0-01'),
      row('S0-03', 'later', 'as S0-01'),
      row('S0-04', 'here', 'somewhere'),
      row('S0-05', 'soon', 'nowhere'),
      row('S0-06', 'here', 'somewhere', named('it was there')),
      row('S0-07', 'later', 'nowhere', named('it is there')),
      row('S0-08', 'partly', ''),
    ].join('\n'),
  );
  const texts = new Map([['src/a.test.ts', "test('it is there', () => undefined);"]]);
  assert.deepEqual(faultsOf(rows, texts), [
    'S0-03: as S0-01',
    'S0-04: it names no test',
    'S0-05: "soon" is no state',
    'S0-06: src/a.test.ts has no test "it was there"',
    'S0-07: later has no test',
    'S0-08: it does not say what, or where',
  ]);
});
