import assert from 'node:assert/strict';
import { test } from 'node:test';
import sample from '../admin.ts';
import { fuzz } from '../testing/fuzz.ts';
import { insertPlaces } from '../testing/places.ts';
import { tortureAdmin } from '../testing/torture.ts';

const seed = 20261121;

for (const [name, options] of Object.entries({
  sample: { admin: sample, content: 'empty' as const, fill: ({ db }: { db: Parameters<typeof insertPlaces>[0] }) => insertPlaces(db, 60) },
  torture: { admin: tortureAdmin, content: 'torture' as const },
})) {
  test(`a thousand odd requests get an answer, and change nothing outside the row scope: ${name}`, { timeout: 300_000 }, async (t) => {
    const { sent, failures } = await fuzz(t, { name, seed, count: 1_000, ...options });
    assert.equal(sent, 1_000);
    assert.equal(failures.length, 0, `${failures.length} failed\n\n${failures.slice(0, 5).join('\n\n')}`);
  });
}
