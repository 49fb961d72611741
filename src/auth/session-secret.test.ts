import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { secretNote } from './session-secret.ts';

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
