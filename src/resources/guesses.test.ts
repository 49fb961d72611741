import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelOf, pluralOf, singularOf, slugOf } from './guesses.ts';

test('names become words', () => {
  for (const [name, label, slug] of [
    ['featureCode', 'Feature code', 'feature-code'],
    ['order_line', 'Order line', 'order-line'],
    ['HTTPServer', 'HTTP server', 'http-server'],
    ['OAuth2Token', 'OAuth2 token', 'oauth2-token'],
    ['baseURL', 'Base URL', 'base-url'],
  ] as const) {
    assert.equal(labelOf(name), label);
    assert.equal(slugOf(name), slug);
  }
});

test('one and many, whichever of them a model is named', () => {
  for (const [one, many] of [
    ['Country', 'Countries'],
    ['Person', 'People'],
    ['SalesPerson', 'SalesPeople'],
    ['child', 'children'],
    ['Human', 'Humans'],
    ['Address', 'Addresses'],
    ['Status', 'Statuses'],
    ['Box', 'Boxes'],
    ['Day', 'Days'],
    ['order_line', 'order_lines'],
    ['Analysis', 'Analyses'],
  ] as const) {
    assert.equal(pluralOf(one), many);
    assert.equal(pluralOf(many), many);
    if (one !== 'Analysis') assert.equal(singularOf(many), one);
    assert.equal(singularOf(one), one);
  }
  for (const name of ['News', 'Series', 'UserData']) assert.deepEqual([pluralOf(name), singularOf(name)], [name, name]);
});
