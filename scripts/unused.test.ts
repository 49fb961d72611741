import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ids } from '../src/http/ids.ts';
import { readProduct, readTexts } from '../src/testing/read-texts.ts';
import { readTemplates } from './check-templates.ts';

const root = join(import.meta.dirname, '..');

test('every text is shown somewhere', async () => {
  const templates = await readTemplates();
  const sources = [...(await readProduct())]
    .filter(([path]) => !path.endsWith('-texts.ts'))
    .map(([, text]) => text);
  const interfaces = new Map(
    sources.flatMap((text) =>
      [...text.matchAll(/^(?:export )?interface (\w+)([\s\S]*?)^}/gm)].map(
        ([, name = '', body = '']) => [name, body],
      ),
    ),
  );
  // The catalogues that are somewhere in data as `words`.
  const catalogues = (text: string, seen = new Set<string>()): string[] =>
    [...text.matchAll(/words: typeof (\w+);|\b([A-Z]\w+)/g)].flatMap(([, catalogue, name = '']) => {
      if (catalogue) return [catalogue];
      if (seen.has(name)) return [];
      seen.add(name);
      return catalogues(interfaces.get(name) ?? '', seen);
    });
  const shown = (name: string) => [
    ...sources
      .filter((text) => new RegExp(`\\b${name}\\b`).test(text))
      .map((text) => (text.includes(`words = ${name};`) ? text.replace(/\bwords\b/g, name) : text)),
    ...templates.flatMap(({ text }) =>
      catalogues(text.slice(0, text.indexOf('*/'))).includes(name)
        ? [text.replace(/\bwords\b/g, name)]
        : [],
    ),
  ];
  const everywhere = [...sources, ...templates.map(({ text }) => text)].join('\n');
  const unused: string[] = [];
  for (const file of (await readTexts('src/http/*/*-texts.ts')).keys())
    for (const [name, catalogue] of Object.entries(
      (await import(join(root, file))) as Record<string, object>,
    ))
      unused.push(...findUnused(catalogue, name, shown(name), everywhere));
  assert.deepEqual(unused, []);
});

/** Entries of a catalogue that nothing reads, those of catalogues within it too. */
function findUnused(catalogue: object, path: string, near: string[], everywhere: string): string[] {
  const parts = path.split('.');
  const text = near.join('\n');
  const handedAs = [...text.matchAll(new RegExp(`(\\w+)(?::| =) ${path}[,;]`, 'g'))].map(
    ([, name = '']) => name,
  );
  // What is looked up by a name that data says is used as a whole.
  const lookedUp = (name: string) =>
    new RegExp(`(?<![.\\w])${name}\\[(?!['\\d])|\\b(?:own\\w+|entries)\\(${name}[,)]`);
  const isLookedUp = near.some((file) =>
    parts.some((part, at) => {
      const outer = parts.slice(0, at).join('.');
      const isKnown =
        at === 0 || new RegExp(`\\{[^}]*\\b${part}\\b[^}]*\\} = ${outer};`).test(file);
      return isKnown && lookedUp(parts.slice(at).join('.')).test(file);
    }),
  );
  const isIndirect = (name: string) => new RegExp(`'${name}'(?: : '\\w+')?\\]\\[`).test(everywhere);
  if (isLookedUp || handedAs.some(isIndirect)) return [];
  const isSpread = text.includes(`...${path},`);
  const readers = path.includes('.') && (isSpread || handedAs.length > 0) ? everywhere : text;
  const name = `(?:${[parts.at(-1), ...handedAs, ...(isSpread ? ['words'] : [])].join('|')})`;
  return Object.entries(catalogue).flatMap(([key, value]) => {
    const use = `\\b${name}(?:\\.${key}\\b|\\['${key}'\\])|\\{[^}]*\\b${key}\\b[^}]*\\} = (?:\\w+\\.)*${name};`;
    if (!new RegExp(use).test(readers)) return [`${path}.${key}`];
    return typeof value === 'object' ? findUnused(value, `${path}.${key}`, near, everywhere) : [];
  });
}

test('a text that nobody reads is found in a catalogue and in one within it', () => {
  const catalogue = { shown: '', lost: '', states: { on: '', off: '' }, errors: { gone: '' } };
  const text = 'pageTexts.shown; const { on } = pageTexts.states; pageTexts.errors[code]';
  assert.deepEqual(findUnused(catalogue, 'pageTexts', [text], text), [
    'pageTexts.lost',
    'pageTexts.states.off',
  ]);
});

test('every template is a page, a part of one, or included', async () => {
  const templates = await readTemplates();
  const sources = [...(await readProduct())]
    .flatMap(([path, text]) => (path.startsWith('src/http/') ? [text] : []))
    .join('\n');
  const isSent = (name: string) => new RegExp(`'${name}'(?!\\??:)`).test(sources);
  const included = new Set(
    templates.flatMap(({ path, text }) =>
      [...text.matchAll(/include\('([^']+)'/g)].map(([, to = '']) => (to === path ? '' : to)),
    ),
  );
  const unused = templates.filter(
    ({ path }) =>
      !included.has(path) && !isSent(path.slice(1)) && !isSent(path.slice(1).replace('/_', '/')),
  );
  assert.deepEqual(
    unused.map(({ file }) => file),
    [],
  );
});

test('every class of the styles is given to something', async () => {
  const { classes } = await readStyles();
  // htmx gives this one.
  const given = new Set(['htmx-request']);
  const give = (text: string) => {
    for (const name of text.split(/\s+/)) given.add(name);
  };
  for (const { text } of await readTemplates()) {
    for (const [, value = ''] of text.matchAll(/\bclass="([^"]*)"/g))
      give(value.replace(/<%[\s\S]*?%>/g, '…'));
    for (const [code] of text.matchAll(/<%[\s\S]*?%>/g))
      for (const [, value = ''] of code.matchAll(/['`]([^'`]*)['`]/g)) give(value);
  }
  for (const text of [...(await readTexts('public/*.js', 'src/http/icons.ts')).values()])
    for (const [, value = ''] of text.matchAll(/class(?:Name|List\.\w+)?\W{1,3}['"`]([^'"`]*)/g))
      give(value.replace(/\$\{.*?\}/g, '…'));
  // `state-…` stands for whatever begins so, `panel…` for itself, with more behind a blank.
  const isGiven = (name: string) =>
    given.has(name) ||
    given.has(`${name}…`) ||
    [...name.matchAll(/-/g)].some(({ index }) => given.has(`${name.slice(0, index + 1)}…`));
  assert.deepEqual(
    [...classes].filter((name) => !isGiven(name)),
    [],
  );
});

test('every class that the styles begin with by naming has a rule', async () => {
  const { head, classes } = await readStyles();
  const named = [...head.matchAll(/(?<!\w)\.([a-z][\w-]*)/g)].map(([, name = '']) => name);
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((name) => !classes.has(name)),
    [],
  );
});

test('every id that something looks for is in ids.ts, and every one there is of an element', async () => {
  const templates = (await readTemplates()).map(({ text }) => text);
  const layout = templates.find((text) => text.includes('it.ids.')) ?? '';
  const given = new Set([
    ...templates.flatMap((text) => [...text.matchAll(/\bid="([\w-]+)"/g)].map(([, id = '']) => id)),
    ...[...layout.matchAll(/\bid="<%= it\.ids\.(\w+) %>"/g)].map(
      ([, name = '']) => ids[name as keyof typeof ids],
    ),
  ]);
  const known = new Set<string>(Object.values(ids));
  assert.deepEqual(
    [...known].filter((id) => !given.has(id)),
    [],
  );
  const scripts = [...(await readTexts('public/*.js', 'e2e/*.ts', 'views/styles.css')).values()];
  const sought = [
    ...scripts.flatMap((text) => [
      ...text.matchAll(
        /(?:getElementById\('|\bid [!=]== '|(?<=['"`\s(,])#)([a-z][\w-]*[a-z])(?![\w-]|\$\{)/g,
      ),
    ]),
    ...templates.flatMap((text) => [
      ...text.matchAll(/(?:(?:hx-[\w-]+|href)="[^"]*?#|\bform=")([a-z][\w-]*[a-z])(?=[" :])/g),
    ]),
  ].map(([, id = '']) => id);
  assert.ok(sought.length > 50);
  // Those of a field's controls are made of its name.
  assert.deepEqual(
    [...new Set(sought)].filter(
      (id) =>
        !known.has(id) &&
        !/^(?:field|bulk|filter)-(?:reviewedAt|notes|name|country|password)(?:-|$)/.test(id),
    ),
    [],
  );
});

async function readStyles(): Promise<{ head: string; classes: Set<string> }> {
  const styles = await readFile(join(root, 'views/styles.css'), 'utf8');
  const selectors = styles
    .replace(/\/\*[\s\S]*?\*\/|@plugin[^;{]*\{[^}]*\}|@(?:source|import)[^;]*;/g, '')
    .replace(/\{[^{}]*\}/g, ';');
  return {
    head: styles.slice(0, styles.indexOf('*/')),
    classes: new Set([...selectors.matchAll(/\.([a-z][\w-]*)/g)].map(([, name = '']) => name)),
  };
}
