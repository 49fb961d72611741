import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ids } from '../src/http/ids.ts';
import { readTemplates } from './check-templates.ts';

const root = join(import.meta.dirname, '..');

test('every text is shown somewhere', async () => {
  const templates = await readTemplates();
  const sources = await read(
    'src/**/*.ts',
    (file) => !file.endsWith('.test.ts') && !file.endsWith('-texts.ts'),
  );
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
  const shown = new Set(
    templates.flatMap(({ text }) => {
      const keys = [...text.matchAll(/\bwords\.(\w+)/g)].map(([, key = '']) => key);
      return catalogues(text.slice(0, text.indexOf('*/'))).flatMap((name) =>
        keys.map((key) => `${name}.${key}`),
      );
    }),
  );
  const unused: string[] = [];
  for await (const file of glob('src/http/*/*-texts.ts', { cwd: root })) {
    for (const [name, catalogue] of Object.entries(
      (await import(join(root, file))) as Record<string, object>,
    )) {
      // What is looked up by a name that data says is used as a whole.
      if (sources.some((text) => new RegExp(`\\b${name}\\[|own\\w+\\(${name},`).test(text)))
        continue;
      const readers = sources.filter((text) => text.includes(name));
      for (const key of Object.keys(catalogue)) {
        const use = new RegExp(
          `\\b${name}\\.${key}\\b|\\{[^}]*\\b${key}\\b[^}]*\\} = ${name};|words = ${name};[\\s\\S]*\\bwords\\.${key}\\b`,
        );
        if (!shown.has(`${name}.${key}`) && !readers.some((text) => use.test(text)))
          unused.push(`${name}.${key}`);
      }
    }
  }
  assert.deepEqual(unused, []);
});

test('every template is a page, a part of one, or included', async () => {
  const templates = await readTemplates();
  const sources = (await read('src/http/**/*.ts', (file) => !file.endsWith('.test.ts'))).join('\n');
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
  for (const text of [...(await read('public/*.js')), ...(await read('src/http/icons.ts'))])
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
  const scripts = [
    ...(await read('public/*.js')),
    ...(await read('e2e/*.ts')),
    await readFile(join(root, 'views/styles.css'), 'utf8'),
  ];
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

async function read(
  pattern: string,
  takes: (file: string) => boolean = () => true,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const file of glob(pattern, { cwd: root }))
    if (takes(file)) texts.push(await readFile(join(root, file), 'utf8'));
  return texts;
}
