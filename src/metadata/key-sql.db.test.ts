import assert from 'node:assert/strict';
import { test } from 'node:test';
import { query, raw, sql } from '../db/sql.ts';
import { delegateOf } from '../resources/delegate.ts';
import { testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import type { ModelMeta } from './contract.ts';
import { keyAmong, keyCondition, keySql } from './key-sql.ts';
import { isKey, keyOf, keyToUrl, parseKey, whereKeys } from './keys.ts';

test('a record of any kind of id has one key, made alike by JavaScript and SQL, that finds it and nothing else', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  let count = 0;
  for (const { model } of registry.list) {
    if (model.idFields.length === 0) continue;
    const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
    const rows = await delegateOf(registry.client, model).findMany({ select });
    const keys = rows.map((row) => keyOf(model, row)).sort();
    assert.equal(new Set(keys).size, rows.length, `${model.name} has as many keys as records`);
    const inSql = await db.pages.query<{ key: string }>(
      `select ${keySql(model, 't')} collate "C" as key from ${model.table} t order by 1`,
    );
    assert.deepEqual(
      inSql.rows.map(({ key }) => key).sort(),
      keys,
      `${model.name} has the same keys in SQL`,
    );
    for (const key of keys) {
      const about = `${model.name} ${key}`;
      assert.ok(isKey(model, key), `${about} is a key`);
      assert.equal(parseKey(model, keyToUrl(model, key)), key, `${about} goes through a URL`);
      const found = await delegateOf(registry.client, model).findMany({
        where: whereKeys(model, [key]),
        select,
      });
      assert.deepEqual(
        found.map((row) => keyOf(model, row)),
        [key],
        `${about} is found by Prisma`,
      );
      const { rows: bySql } = await query(
        db.pages,
        sql`select ${raw(keySql(model, 't'))} as key from ${raw(model.table)} t where ${keyCondition(model, 't', [key])}`,
      );
      assert.deepEqual(bySql, [{ key }], `${about} is found by SQL`);
      count += 1;
    }
    const { rowCount } = await query(
      db.pages,
      sql`select 1 from ${raw(model.table)} t where ${keyCondition(model, 't', keys)}`,
    );
    assert.equal(rowCount, keys.length, `${model.name}: all keys at once`);
    const isAmong = keyAmong(model, 't', sql`select unnest(${keys.slice(1)}::text[])`);
    const among = await query<{ key: string }>(
      db.pages,
      sql`select ${raw(keySql(model, 't'))} collate "C" as key from ${raw(model.table)} t where ${isAmong} order by 1`,
    );
    assert.deepEqual(
      among.rows.map(({ key }) => key).sort(),
      keys.slice(1),
      `${model.name}: all keys but one among those of a statement`,
    );
  }
  assert.ok(count > 500, `${count} keys were tried`);
});

test('a text that a cast would cut, round or fold into the id of another record is no id', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const modelOf = (name: string) =>
    registry.list.find(({ model }) => model.name === name)?.model as ModelMeta;
  for (const [name, text] of [
    ['IdChar', 'ESPX'],
    ['IdChar', 'a '],
    ['IdVarChar', '12345678X'],
    ['IdBit', '1010101'],
    ['IdBit', '10101'],
    ['IdInet', '10.0.0.1/x'],
    ['IdInet', '10.0.0.256'],
    ['IdDate', '2020-02-30'],
    ['IdDate', '2020-02-29T12:00:00.000Z'],
    ['IdDateTime', '2020-02-29T12:34:56.789'],
    ['IdTime', '24:00:00.000'],
    ['IdBoolean', 't'],
    ['IdEnum', 'happy'],
    ['IdBytes', 'abc'],
    ['IdSmallInt', '32768'],
    ['IdSnowflake', '9223372036854775808'],
    ['IdUuid', 'x'],
    ['IdText', 'a\0'],
    ['IdFloat', '0.1'],
    ['MoodCount', ''],
  ] as const) {
    assert.throws(() => parseKey(modelOf(name), text), { status: 404 }, `${name} ${text}`);
  }
  // Equal to the database, but not the key of the record.
  for (const [name, text] of [
    ['IdCitext', 'abc'],
    ['IdInet', '10.0.0.1/32'],
  ] as const) {
    const model = modelOf(name);
    const isIt = keyCondition(model, 't', [parseKey(model, text)]);
    const { rowCount } = await query(
      db.pages,
      sql`select 1 from ${raw(model.table)} t where ${isIt}`,
    );
    assert.equal(rowCount, 0, `${name} ${text}`);
  }
});
