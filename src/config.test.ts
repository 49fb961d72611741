import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminSettingVariables } from './admin-settings.ts';
import { assertKnownSettings, parseConfig, settingNames, unknownSettings } from './config.ts';
import { configFor } from './config-for.ts';
import { bulkShapes, optionShapes } from './resources/option-shapes.ts';
import { findLost, readNamedTests, testFiles } from './testing/named-tests.ts';
import { readTexts } from './testing/read-texts.ts';

/** The page, before and after its table of tests. */
async function readPage(): Promise<[settings: string, tests: string]> {
  const page = 'docs/settings.md';
  const [settings = '', tests = ''] = ((await readTexts(page)).get(page) ?? '').split(
    '\n## What shows it\n',
  );
  return [settings, tests];
}

test('the docs list every setting with its default, and no other', async () => {
  const [text] = await readPage();
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` +\| (?:`([^`]*)`|[^|]*?) +\| ([^|]*?) *\|/gm)];
  assert.deepEqual(rows.map((row) => row[1]).sort(), [...settingNames].sort());
  const defaults = parseConfig({}) as Record<string, unknown>;
  for (const [, name = '', shown] of rows)
    if (shown !== undefined) assert.equal(String(defaults[name]), shown === '' ? '' : shown, name);
  const nearer = rows.map(([, name = '', , said = '']) => [name, said.match(/[\w.]+/g) ?? []]);
  assert.deepEqual(Object.fromEntries(nearer), nearerThan);
});

test('the docs name for every setting, in its order, tests that show its effect and are there', async () => {
  const [text, shown] = await readPage();
  const namesOf = (part: string) =>
    [...part.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, name]) => name);
  assert.deepEqual(namesOf(shown), namesOf(text));
  const rows = [...shown.matchAll(/^\| `([A-Z_]+)` \| (.*?) ?\|$/gm)];
  assert.equal(rows.length, settingNames.length);
  const texts = await readTexts(testFiles);
  const faults = rows.flatMap(([, name = '', cell = '']) => {
    const tests = readNamedTests(cell);
    return [...(tests.length === 0 ? ['it names no test'] : []), ...findLost(tests, texts)].map(
      (fault) => `${name}: ${fault}`,
    );
  });
  assert.deepEqual(faults, []);
});

/** Where each setting may be said nearer: in `defineAdmin`, in a resource's options. */
const nearerThan = Object.fromEntries(
  settingNames.map((variable) => [
    variable,
    [
      ...Object.entries(adminSettingVariables).flatMap(([name, one]) =>
        one === variable ? [`settings.${name}`] : [],
      ),
      ...optionsNearer(variable),
    ],
  ]),
);

/** By the options that a resource takes under the same name. */
function optionsNearer(variable: string): string[] {
  const [name] = Object.entries(adminSettingVariables).find(([, one]) => one === variable) ?? [''];
  if (name in bulkShapes) return [`bulk.${name}`];
  return name in optionShapes ? [name] : [];
}

test('what may be said nearer is shown on every level that may say it', async () => {
  const calls = [...(await readTexts('src/*-settings.db.test.ts')).values()].flatMap((text) => [
    ...text.matchAll(/seenOnLevels\(\s*t,\s*'(\w+)',\s*\{([^}]*)\}/g),
  ]);
  const shown = calls.map(([, name, levels = '']) => [name, levels.match(/\w+(?=:)/g)]);
  const wanted = Object.entries(adminSettingVariables).map(([name, variable]) => [
    name,
    ['environment', 'admin', ...(optionsNearer(variable).length > 0 ? ['resource'] : [])],
  ]);
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(wanted));
});

test('all bad settings are named at once', () => {
  assert.throws(
    () => parseConfig({ PORT: 'x', BULKHEAD_CHUNK_SIZE: '0', DATABASE_URL: 'mysql://x' }),
    (error: Error) => {
      for (const name of ['PORT', 'BULKHEAD_CHUNK_SIZE', 'DATABASE_URL'])
        assert.match(error.message, new RegExp(name));
      return true;
    },
  );
});

test('an empty setting is one that was not given', () => {
  assert.equal(parseConfig({ PORT: '' }).PORT, 3000);
});

test('a setting that nobody knows is said with the nearest that there is', () => {
  assert.deepEqual(
    unknownSettings({
      BULKHEAD_PREFX: '/x',
      BULKHEAD_TEST_SEED: '1',
      BULKHEAD_PREFIX: '/x',
      PATH: '',
    }),
    ['There is no setting BULKHEAD_PREFX (did you mean BULKHEAD_PREFIX?): it is ignored.'],
  );
  assert.deepEqual(unknownSettings({ BULKHEAD_WINDMILLS: '3' }), [
    'There is no setting BULKHEAD_WINDMILLS: it is ignored.',
  ]);
});

test('settings that there are not refuse the start where that is asked for', () => {
  const env = { BULKHEAD_PREFX: '/x' };
  assertKnownSettings(parseConfig(env), env);
  const strict = { ...env, BULKHEAD_STRICT: 'true' };
  assert.throws(
    () => assertKnownSettings(parseConfig(strict), strict),
    /Settings that cannot be used: There is no setting BULKHEAD_PREFX \(did you mean BULKHEAD_PREFIX\?\)\. BULKHEAD_STRICT refuses them\./,
  );
  assertKnownSettings(parseConfig(strict), { BULKHEAD_STRICT: 'true' });
});

test('an address of several hosts is taken as it is, and refused where a host is none', () => {
  const several = 'postgresql://a:b@one:5432,two:5433/shop';
  assert.equal(parseConfig({ DATABASE_URL: several }).DATABASE_URL, several);
  const standbys = `${several}?target_session_attrs=standby`;
  assert.equal(parseConfig({ READ_DATABASE_URL: standbys }).READ_DATABASE_URL, standbys);
  for (const [address, why] of [
    ['postgresql://one,,two/shop', /DIRECT_DATABASE_URL: must name each host as host or host:port/],
    [`${several}?target_session_attrs=any`, /may leave target_session_attrs out/],
  ] as const)
    assert.throws(() => parseConfig({ DIRECT_DATABASE_URL: address }), why);
});

test('an address that asks for TLS asks for a certificate that can be trusted, without a warning at every start', () => {
  const of = (query: string) =>
    parseConfig({ DATABASE_URL: `postgresql://a/b?${query}` }).DATABASE_URL?.split('?')[1];
  for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full'])
    assert.equal(of(`sslmode=${mode}`), 'sslmode=verify-full');
  assert.equal(of('schema=shop&sslmode=require&x=1'), 'schema=shop&sslmode=verify-full&x=1');
  for (const query of [
    'sslmode=disable',
    'sslmode=no-verify',
    'uselibpqcompat=true&sslmode=require',
  ])
    assert.equal(of(query), query);
});

test('an address of standbys names one or several, and what cannot be read is refused at once', () => {
  const read = (url: string) => parseConfig({ READ_DATABASE_URL: url }).READ_DATABASE_URL;
  for (const url of ['postgresql://a/b', 'postgresql://u:p@a:1,b:2/c', 'postgresql:///c?host=/tmp'])
    assert.equal(read(url), url);
  for (const url of [
    'mysql://a/b',
    'postgresql://a b/c',
    'postgresql://a:99999/c',
    'postgresql://a,:x/c',
  ])
    assert.throws(() => read(url), /READ_DATABASE_URL: must /, url);
});

test('a database that code names has the standbys of the environment where that names it too', () => {
  const env = { DATABASE_URL: 'postgresql://a/b', READ_DATABASE_URL: 'postgresql://c/b' };
  assert.equal(configFor('postgresql://a/b', env).READ_DATABASE_URL, 'postgresql://c/b');
  assert.equal(configFor('postgresql://other/b', env).READ_DATABASE_URL, undefined);
});
