import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { cities } from '../../docs/examples/permissions.ts';
import admin from '../admin.ts';
import type { Principal } from '../auth/principal.ts';
import { actions } from './actions.ts';
import { clientOver } from './client-over.ts';
import { buildRegistry } from './registry.ts';

const docs = join(import.meta.dirname, '../../docs');
const guide = await readFile(join(docs, 'permissions.md'), 'utf8');
const { resources, createClient } = { ...admin, resources: [cities] };
const defaults = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000, countLimit: 10_000 };
const registry = buildRegistry(resources, clientOver(createClient), new pg.Pool(), defaults);

const viewer: Principal = {
  id: '1',
  name: 'Vic',
  roles: ['viewer'],
  claims: { countries: ['ESP'] },
};
const lost: Principal = { id: '2', name: 'Lou', roles: ['viewer'] };
const boss: Principal = { id: '3', name: 'Ada', roles: ['admin'] };

test("the guide's examples are those that are compiled here", async () => {
  const here = {
    "'../../src/index.ts'": "'bulkhead'",
    "'../../generated/sample-metadata/metadata.ts'": "'../generated/metadata.ts'",
  };
  for (const name of ['permissions', 'people']) {
    const code = await readFile(join(docs, `examples/${name}.ts`), 'utf8');
    const shown = new RegExp(
      `<!-- docs/examples/${name}\\.ts -->\n\`\`\`ts\n([\\s\\S]*?)\`\`\``,
    ).exec(guide)?.[1];
    assert.equal(
      shown,
      Object.entries(here).reduce((text, [from, to]) => text.replace(from, to), code),
    );
  }
});

test("the guide's example grants what the guide says", () => {
  const names = (principal: Principal) =>
    registry.for(principal, 'cities').fields.map(({ name }) => name);
  assert.ok(names(boss).includes('notes') && !names(viewer).includes('notes'));
  assert.ok(!registry.for(viewer, 'cities').form.some(({ name }) => name === 'featured'));
  assert.deepEqual(registry.for(viewer, 'cities').scope(viewer), {
    countryCode: { in: ['ESP'] },
    status: { not: 'archived' },
  });
  assert.equal(registry.for(boss, 'cities').scope(boss), null);
  assert.throws(() => registry.for(lost, 'cities'), { code: 'scope-unreadable' });
});

test('the guide names every action', () => {
  const named = [...guide.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  for (const action of actions) assert.ok(named.includes(action), action);
});
