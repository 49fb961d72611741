import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from './admin-settings.ts';
import { agreedOfPages, agreedSettings } from './agreed-settings.ts';
import { parseConfig, settingNames } from './config.ts';
import { testContext } from './testing/context.ts';
import { testDatabase } from './testing/database.ts';

/** What each process may have for itself: where it is, how much it takes, what it says, who may look. */
const ownAffairs = [
  'DATABASE_URL',
  'DIRECT_DATABASE_URL',
  'READ_DATABASE_URL',
  'HOST',
  'PORT',
  // Of another one nobody is in the same tables.
  'BULKHEAD_DATABASE_SCHEMA',
  'BULKHEAD_FOLDER',
  'BULKHEAD_PREFIX',
  'BULKHEAD_RELOAD_VIEWS',
  'BULKHEAD_PAGES_POOL_SIZE',
  'BULKHEAD_WORKER_CONCURRENCY',
  'BULKHEAD_PLACES',
  'BULKHEAD_WORKER_MAX_TASKS',
  'BULKHEAD_WORKER_MAX_MEMORY_MB',
  'BULKHEAD_WORKER_POOL_SIZE',
  'BULKHEAD_QUEUES',
  'BULKHEAD_STRICT',
  'BULKHEAD_PROBE_TOKEN',
  'BULKHEAD_PROBE_PORT',
  'BULKHEAD_LOG_LEVEL',
];

test('every setting is either the same in every process, and compared, or each process’s own affair', async (t) => {
  const { db } = await testDatabase(t);
  const config = settingsOf(parseConfig({}), {});
  const agreed = agreedOfPages(config, 'x'.repeat(32), agreedSettings(config, testContext(db)));
  const compared = Object.keys(agreed).filter((name) => name !== 'code');
  assert.deepEqual([...compared, ...ownAffairs].sort(), [...settingNames].sort());
});
