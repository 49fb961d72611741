import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Column, Resource } from '../../resources/contract.ts';
import { columnCell } from './cell.ts';

const column = {
  name: 'web',
  label: 'Web',
  field: null,
  through: null,
  computed: {},
  align: null,
} as unknown as Column;
const parts = {
  resource: {} as Resource,
  principal: { id: '1', name: 'Ada', roles: [] },
  url: (path: string) => `/admin${path}`,
};
const hrefOf = (link: string) =>
  columnCell(parts, column, { key: '1', title: '', values: { web: 'x' }, links: { web: link } })
    .href;

test('a link leads to a path of this site, or plainly to another', () => {
  assert.equal(hrefOf('/cities/7?a=b#c'), '/admin/cities/7?a=b#c');
  for (const link of [
    'https://elsewhere.test/a',
    'http://elsewhere.test',
    'mailto:a@b.test',
    'tel:+123',
  ])
    assert.equal(hrefOf(link), link);
});

test('what a browser would take to another site, or run, is no link', () => {
  const none = [
    '/\\evil.example',
    '//evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '\\\\evil.example',
    '/..//evil.example',
    '/a\\b',
  ];
  for (const link of [
    ...none,
    'javascript:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'evil',
    '',
  ])
    assert.equal(hrefOf(link), null, link);
});
