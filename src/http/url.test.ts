import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTexts } from '../testing/read-texts.ts';
import { createUrl } from './url.ts';

test('every address gets the prefix', () => {
  assert.equal(createUrl('')('/tasks/7'), '/tasks/7');
  assert.equal(createUrl('/back-office')('/tasks/7'), '/back-office/tasks/7');
});

test('a file keeps its address until its content changes', () => {
  const url = createUrl('/admin');
  assert.match(url.asset('theme.js'), /^\/admin\/static\/theme\.js\?v=[\w-]{12}$/);
  assert.equal(url.asset('theme.js'), url.asset('theme.js'));
  assert.notEqual(url.asset('theme.js').split('=')[1], url.asset('dialog.js').split('=')[1]);
  assert.equal(url.asset('missing.js'), '/admin/static/missing.js');
});

test('no script is loaded under two addresses, and so twice', async () => {
  const texts = async (pattern: string) => [...(await readTexts(pattern)).values()].join('\n');
  const imported = [
    ...(await texts('public/*.js')).matchAll(/(?:from|import\() ?'\.\/([\w-]+\.js)'/g),
  ].map(([, name]) => name);
  const loaded = [...(await texts('views/**/*.eta')).matchAll(/URL\.asset\('([\w-]+\.js)'\)/g)].map(
    ([, name]) => name,
  );
  assert.ok(imported.length > 0 && loaded.length > 0);
  assert.deepEqual(
    loaded.filter((name) => imported.includes(name)),
    [],
  );
});

test('only a path of this site is gone on to', () => {
  const url = createUrl('');
  assert.equal(url.local('/cities?_page=2'), '/cities?_page=2');
  const elsewhere = [
    'https://evil.test',
    '//evil.test',
    '/\\evil.test',
    '/\t/evil.test',
    '\\/evil.test',
    'javascript:alert(1)',
    '/..//evil.test',
    '',
    undefined,
    ['/a'],
  ];
  for (const next of elsewhere) assert.equal(url.local(next), '/', JSON.stringify(next));
});

test('under a prefix what lies beside it is elsewhere', () => {
  const url = createUrl('/admin');
  assert.equal(url.local('/admin/cities'), '/admin/cities');
  assert.equal(url.local('/administration'), '/admin/');
  assert.equal(url.local('/shop'), '/admin/');
});

test('an address is good for a header, whatever stands in it', () => {
  const url = createUrl('');
  assert.equal(url('/tasks/\u202e\r\nx: 1\ud800'), '/tasks/%E2%80%AE%0D%0Ax:%201%EF%BF%BD');
  assert.equal(url.local('/cities?_q=é'), '/cities?_q=%C3%A9');
});
