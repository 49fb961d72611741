import assert from 'node:assert/strict';
import { test } from 'node:test';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { parseConfig } from '../config.ts';
import { pageNames } from '../metadata/keys.ts';
import { reservedSlugs } from '../resources/registry.ts';
import { testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';

test("no record's address and no resource's is that of a page of Bulkhead's own", async (t) => {
  const { db } = await testDatabase(t);
  const paths: string[] = [];
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of tests that is long enough',
    BULKHEAD_LOG_LEVEL: 'silent',
  });
  const app = await buildApp({
    admin,
    config,
    context: testContext(db),
    onRoute: ({ url }) => paths.push(url),
  });
  await app.close();
  const second = paths
    .map((path) => /^\/:resource\/([^/:]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  assert.ok(second.includes('new'));
  for (const name of second)
    assert.ok(
      pageNames.includes(name),
      `${name} is no record's address: add it to pageNames in src/metadata/keys.ts`,
    );
  const first = paths
    .map((path) => /^\/([^/:*]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  for (const name of first)
    assert.ok(reservedSlugs.includes(name), `${name} is no resource's address`);
});
