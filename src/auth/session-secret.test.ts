import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { assertSecretSet, secretNote } from './session-secret.ts';

test('a secret of sessions that was not set is told where other machines are served', () => {
  assert.equal(secretNote(parseConfig({})), null);
  assert.equal(
    secretNote(parseConfig({ HOST: '0.0.0.0', BULKHEAD_SESSION_SECRET: 'x'.repeat(40) })),
    null,
  );
  assert.match(
    secretNote(parseConfig({ HOST: '0.0.0.0', BULKHEAD_FOLDER: '/tmp/bulkhead' })) ?? '',
    /\/tmp\/bulkhead\/session-secret: .*set BULKHEAD_SESSION_SECRET/,
  );
});

test('in production pages are served to other machines only with a secret that was set', () => {
  const production = { NODE_ENV: 'production' };
  const everywhere = parseConfig({ HOST: '0.0.0.0' });
  assert.throws(() => assertSecretSet(everywhere, production), { code: 'no-secret' });
  assertSecretSet(everywhere, {});
  assertSecretSet(parseConfig({}), production);
  assertSecretSet({ ...everywhere, BULKHEAD_SESSION_SECRET: 'x'.repeat(40) }, production);
});
