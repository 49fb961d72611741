import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from '../testing/fuzz.ts';
import { fuzzSchemas } from '../testing/fuzz-schemas.ts';

const seed = 20261121;

for (const [name, options] of Object.entries(fuzzSchemas)) {
  test(`a thousand odd requests get an answer, and write what it says and nothing outside the row scope: ${name}`, {
    timeout: 300_000,
  }, async (t) => {
    const { sent, failures } = await fuzz(t, { name, seed, count: 1_000, ...options });
    assert.equal(sent, 1_000);
    assert.equal(
      failures.length,
      0,
      `${failures.length} failed\n\n${failures.slice(0, 5).join('\n\n')}`,
    );
  });
}
