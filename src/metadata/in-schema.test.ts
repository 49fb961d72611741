import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metadata } from './contract.ts';
import { metadataIn } from './in-schema.ts';

const relation = { joinTable: '"public"."_AToB"' };
const field = (sqlType: string | null, more: object = {}) => ({ sqlType, relation: null, ...more });
const metadata = {
  defaultSchema: 'public',
  enums: { State: { name: 'State', sqlType: '"public"."State"', values: [] } },
  models: {
    A: {
      dbSchema: 'public',
      table: '"public"."A"',
      fields: {
        n: field('integer'),
        states: field('"public"."State"[]'),
        bs: field(null, { relation }),
      },
    },
  },
} as unknown as Metadata;

test('what names no Postgres schema is where the address says, once for all who ask', () => {
  const moved = metadataIn(metadata, 'my shop');
  const { A } = moved.models as Record<
    string,
    {
      dbSchema: string;
      table: string;
      fields: Record<string, { sqlType: string; relation: typeof relation }>;
    }
  >;
  assert.deepEqual([A?.dbSchema, A?.table], ['my shop', '"my shop"."A"']);
  assert.deepEqual(
    [A?.fields.n?.sqlType, A?.fields.states?.sqlType],
    ['integer', '"my shop"."State"[]'],
  );
  assert.equal(A?.fields.bs?.relation.joinTable, '"my shop"."_AToB"');
  assert.equal(moved.enums.State?.sqlType, '"my shop"."State"');
  assert.equal(metadataIn(metadata, 'my shop'), moved);
  assert.equal(
    metadataIn({ ...metadata, defaultSchema: null }, 'my shop').models.A?.table,
    '"public"."A"',
  );
});
