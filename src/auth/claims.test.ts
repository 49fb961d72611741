import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsText, parseClaims } from './claims.ts';

test('claims are a JSON object that the database keeps as it was typed', () => {
  const typed = '{"countries": ["ESP"], "depth": {"max": 3}}';
  const claims = { countries: ['ESP'], depth: { max: 3 } };
  assert.deepEqual(parseClaims(typed), { claims });
  assert.deepEqual(parseClaims(claimsText(claims)), { claims });
  for (const nothing of ['', ' \n', '{}']) assert.deepEqual(parseClaims(nothing), { claims: {} });
  assert.equal(claimsText({}), '');
  const anObject = /^Claims are a JSON object, such as/;
  for (const [text, problem] of [
    ['["ESP"]', anObject],
    ['null', anObject],
    ['"ESP"', anObject],
    ['{countries: 1}', /^This is no JSON: .+ Claims are a JSON object/],
    ['{"a": [{"b": "\\u0000"}]}', /^In this claims\.a\[0\]\.b has a character/],
    ['{"a": [{"b\\u0000": 1}]}', /^In this a name in claims\.a\[0\] has a character/],
    ['{"a\\ud800": 1}', /^In this a name in claims has a character/],
    ['{"a": 1e999}', /^In this claims\.a is Infinity/],
    [`{"a": ${'['.repeat(200)}${']'.repeat(200)}}`, /is nested too deeply/],
  ] as const) {
    const parsed = parseClaims(text);
    assert.match('problem' in parsed ? parsed.problem : '', problem, text);
  }
});
