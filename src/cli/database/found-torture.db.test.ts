import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../config.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../../metadata/contract.ts';
import { ourFile } from '../../our-files.ts';
import { markGenerated } from '../../resources/generated-columns.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { foundAdmin } from './open-found.ts';

/** A difference between what a schema says and what its database is found to be. */
interface Difference {
  table: string;
  /** Of a column or a relation; null: of the table. */
  column: string | null;
  what: string;
  said: unknown;
  found: unknown;
}

const madeByPrisma = ['uuid', 'cuid', 'ulid', 'nanoid'];
const nameOf = (value: unknown) => (value as { name?: string } | null)?.name ?? '';
const views = ['"torture"."person summary"', '"torture"."MoodCount"'];

/** As the guide has them, to the letter. */
const onlySaid: Readonly<Record<string, (difference: Difference) => boolean>> = {
  '`///` comments': ({ what, found }) => what === 'documentation' && found === null,
  'names of its own, by `@map` and `@@map`': ({ what }) => what === 'name' || what === 'names',
  'defaults that Prisma makes: `uuid()`, `cuid()`, `ulid()`, `nanoid()`': ({ what, said, found }) =>
    (what === 'default' && madeByPrisma.includes(nameOf(said)) && found === null) ||
    (what === 'hasDefault' && said === true && found === false),
  '`@updatedAt`': ({ what, said }) => what === 'isUpdatedAt' && said === true,
  'a default in its own words: a fixed time, a sequence, a generated column': ({
    what,
    said,
    found,
  }) =>
    what === 'default' && said !== null && ['dbgenerated', 'autoincrement'].includes(nameOf(found)),
  'what of a view is unique or never empty': ({ table, what }) =>
    views.includes(table) && ['id', 'uniques', 'isRequired', 'isId', 'isUnique'].includes(what),
  'many to many, where its two tables come in another order than its models': ({
    table,
    column,
    what,
  }) =>
    ['presence', 'relation'].includes(what) &&
    /"_(CabinToExtra|PersonToTopic)"/.test(`${table} ${column}`),
};

test('what is found in a database is what its schema says, but for what only a schema can say, and the guide lists that', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-torture-'));
  defer(() => rm(folder, { recursive: true, force: true }));
  const config = parseConfig({ BULKHEAD_FOLDER: folder, DATABASE_URL: connectionString });
  const admin = await foundAdmin(config, () => undefined);
  const [said, found] = await Promise.all(
    [tortureAdmin, admin].map(async ({ resources }) => {
      const [first] = await markGenerated(resources, db.pages);
      return first?.metadata as Metadata;
    }),
  );
  const differences = differencesOf(shapeOf(said as Metadata), shapeOf(found as Metadata));
  const known = Object.values(onlySaid);
  assert.deepEqual(
    differences.filter((difference) => !known.some((isSo) => isSo(difference))),
    [],
  );
  for (const [what, isSo] of Object.entries(onlySaid)) assert.ok(differences.some(isSo), what);
  assert.ok(Object.keys(shapeOf(found as Metadata).tables).length > 60);

  const guide = await readFile(ourFile('docs/any-database.md'), 'utf8');
  const [, list = ''] = /## What only a schema can say\n([\s\S]*?)\n## /.exec(guide) ?? [];
  const rows = [...list.matchAll(/^\| (?!---|a schema says)(.*?) \|/gm)].map(([, what]) => what);
  assert.deepEqual(rows, Object.keys(onlySaid));
});

type Shape = Record<string, unknown>;
interface Table {
  own: Shape;
  columns: Record<string, Shape>;
}

/** Models by table, fields by column, relations by the columns of their keys. */
function shapeOf({ models, enums }: Metadata): {
  tables: Record<string, Table>;
  enums: Record<string, Shape>;
} {
  const modelOf = (name: string) => models[name] as ModelMeta;
  const columnsOf = ({ fields }: ModelMeta, names: readonly string[]) =>
    names.map((name) => fields[name]?.dbColumn);
  const placeOf = (model: ModelMeta, { name, dbColumn, relation }: FieldMeta) => {
    if (!relation) return dbColumn ?? name;
    const target = modelOf(relation.model);
    const back = target.fields[relation.opposite ?? '']?.relation?.fromFields ?? [];
    const keys = [columnsOf(model, relation.fromFields), columnsOf(target, back)];
    const { kind, joinTable, ownColumn } = relation;
    return [kind, target.table, joinTable, ownColumn, ...keys.map(String)]
      .filter(Boolean)
      .join(' ');
  };
  const fieldOf = (model: ModelMeta, field: FieldMeta): Shape => {
    const {
      dbColumn: _,
      relation,
      enumValues,
      foreignKeyOf,
      type,
      default: given,
      ...rest
    } = field;
    const key = foreignKeyOf === null ? null : model.fields[foreignKeyOf];
    const value = enumValues?.find(({ name }) => name === given);
    return {
      ...rest,
      type: relation ? modelOf(type).table : (enums[type]?.sqlType ?? type),
      default: value ? value.dbName : given,
      foreignKeyOf: key ? placeOf(model, key) : null,
    };
  };
  const tables = Object.values(models).map((model): [string, Table] => {
    const { name, isView, unwritable, documentation } = model;
    const own = {
      name,
      isView,
      unwritable,
      documentation,
      id: columnsOf(model, model.idFields),
      uniques: model.uniques.map((names) => columnsOf(model, names)).sort(),
    };
    const columns = Object.values(model.fields).map((field) => [
      placeOf(model, field),
      fieldOf(model, field),
    ]);
    return [model.table, { own, columns: Object.fromEntries(columns) as Record<string, Shape> }];
  });
  const kinds = Object.values(enums).map(({ name, sqlType, values }): [string, Shape] => [
    sqlType,
    {
      names: [name, ...values.map((value) => value.name)],
      values: values.map(({ dbName }) => dbName),
    },
  ]);
  return { tables: Object.fromEntries(tables), enums: Object.fromEntries(kinds) };
}

function differencesOf(
  said: ReturnType<typeof shapeOf>,
  found: ReturnType<typeof shapeOf>,
): Difference[] {
  const tables = eachOf(said.tables, found.tables).flatMap(([table, one, other]) => {
    if (!one || !other)
      return [{ table, column: null, what: 'presence', said: !!one, found: !!other }];
    const columns = eachOf(one.columns, other.columns).flatMap(([column, own, its]) =>
      own && its
        ? unequal(table, column, own, its)
        : [{ table, column, what: 'relation', said: !!own, found: !!its }],
    );
    return [...unequal(table, null, one.own, other.own), ...columns];
  });
  const enums = eachOf(said.enums, found.enums).flatMap(([kind, one, other]) =>
    unequal(kind, null, one ?? {}, other ?? {}),
  );
  return [...tables, ...enums];
}

function eachOf<T>(one: Record<string, T>, other: Record<string, T>) {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].map(
    (key) => [key, one[key], other[key]] as const,
  );
}

function unequal(table: string, column: string | null, one: Shape, other: Shape): Difference[] {
  return eachOf(one, other)
    .filter(([, said, found]) => JSON.stringify(said) !== JSON.stringify(found))
    .map(([what, said, found]) => ({ table, column, what, said, found }));
}
