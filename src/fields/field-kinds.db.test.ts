import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { keyOf } from '../metadata/keys.ts';
import { textSql } from '../metadata/value-text.ts';
import { imaged } from '../operations/journal/images.ts';
import type { ResourceField } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { ada, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { getFieldKind } from './field-kinds.ts';
import { parseJson, plainJson } from './json.ts';

/** What is typed into the control of a field of the torture schema. */
const typed: Record<string, string[]> = {
  text: ['plain', ' padded ', '100% _\\', 'two\nlines', '🙂'],
  varchar: ['twenty characters 12', '🙂'],
  char: ['ab', 'abcde'],
  uuid: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
  xml: ['<a b="c">d</a>'],
  inet: ['10.0.0.0/8', '2001:db8::1'],
  citext: ['Mixed'],
  bit: ['0101'],
  varbit: ['1'],
  int: ['-2147483648', '2147483647'],
  smallInt: ['-32768'],
  oid: ['4294967295'],
  bigInt: ['9223372036854775807', '-9223372036854775808'],
  float: ['0.1', '-1.5e+300', '5e-324'],
  real: ['0.5', '3e+38'],
  decimal: ['12345678901234567890123456789012345.123456789012345678901234567891'],
  decimal12: ['99999999.9999', '-0.0001'],
  money: ['92233720368547758.07', '-12.34'],
  boolean: ['true', 'false'],
  dateTime: ['2020-02-29T12:34:56.789', '0001-01-01T00:00', '9999-12-31T23:59:59.999'],
  timestamp6: ['2020-02-29T12:34'],
  timestamptz: ['2020-02-29T12:34:56'],
  date: ['0001-01-01', '9999-12-31'],
  time: ['00:00', '23:59:59.999'],
  timetz: ['12:34:56'],
  json: ['{\n  "a": [\n    1,\n    null\n  ]\n}'],
  jsonText: ['"ü\\\\%_"'],
  mood: ['happy', 'meh'],
  otherKind: ['green'],
  texts: ['a\n"two\\nlines"\n""\n%\n"\\"q\\""\n{x}\nNULL', ''],
  varchars: ['a,b\nc'],
  uuids: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ints: ['1\n-2', ''],
  bigInts: ['9223372036854775807'],
  floats: ['0.1\n1e+100'],
  decimals: ['0.10000\n123456789012345.12345'],
  booleans: ['true\nfalse'],
  dateTimes: ['2020-02-29T12:00:00.123'],
  dates: ['2020-02-29\n1970-01-01'],
  moods: ['happy\nmeh'],
  kinds: ['red\ngreen'],
};

test('what is typed for a column of any kind comes back the same from the database, through Prisma, through SQL and in bulk', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const context = testContext(db, {}, {}, tortureAdmin);
  const { registry } = context;
  const untried: string[] = [];
  const wrong: string[] = [];
  for (const model of ['Everything', 'ScalarList']) {
    const resource = registry.list.find((candidate) => candidate.model.name === model);
    assert.ok(resource);
    for (const field of registry.for(ada, resource.slug).fields) {
      if (field.meta.isId || getFieldKind(field).input === 'none' || field.name === 'name')
        continue;
      if (!typed[field.name]) untried.push(field.name);
      for (const text of typed[field.name] ?? []) {
        const kind = getFieldKind(field);
        const parsed = kind.parse(text, field);
        assert.ok('value' in parsed, `${field.name} ${text}`);
        for (const write of [throughPrisma, throughSql, inBulk]) {
          try {
            await write(resource.model, field, parsed.value, text);
            const shown = await shownFor(resource.model, field);
            if (shown !== canonical(field, text))
              wrong.push(`${write.name} ${field.name}: ${text} became ${shown}`);
            for (const [how, read] of await readFor(resource.model, field))
              if (read !== shown)
                wrong.push(`${write.name} ${field.name}: ${how} of ${text} is read as ${read}`);
          } catch (error) {
            wrong.push(
              `${write.name} ${field.name}: ${text}: ${(error as Error).message.slice(-300)}`,
            );
          }
        }
      }
    }
  }
  assert.deepEqual({ untried, wrong }, { untried: [], wrong: [] });

  async function throughPrisma(model: ModelMeta, { meta }: ResourceField, value: unknown) {
    const data = { [meta.name]: meta.type === 'Json' ? plainJson(value) : value };
    await delegateOf(registry.client, model).update({ where: { id: 1 }, data });
  }

  async function throughSql(model: ModelMeta, field: ResourceField, value: unknown) {
    const { column, sqlType } = field.meta as FieldMeta;
    await db.pages.query(`update ${model.table} set ${column} = null where id = 1`);
    await db.pages.query(
      `update ${model.table} set ${column} = $1::text${field.meta.isList ? '[]' : ''}::${sqlType} where id = 1`,
      [getFieldKind(field).toSql(value, field)],
    );
  }

  async function inBulk(model: ModelMeta, field: ResourceField, _value: unknown, text: string) {
    const { meta, name } = field;
    // A bulk edit has a way of its own to say "nothing".
    if (text === '') return;
    await db.pages.query(`update ${model.table} set ${meta.column} = null where id = 1`);
    const resource = registry.list.find((candidate) => candidate.model === model);
    if (!resource) throw new Error(`${model.name} has no resource`);
    const { task } = await launchOn(
      context,
      resource,
      { keys: [keyOf(model, { id: 1 })] },
      'update',
      {
        field: name,
        [`change.${name}`]: meta.isList ? 'replace' : 'set',
        [`value.${name}`]: text,
      },
    );
    assert.equal(task.state, 'succeeded', task.message ?? '');
  }

  /**
   * What its control shows of each text that PostgreSQL writes of the value: of rows, of images,
   * and of plain reads.
   */
  async function readFor(
    model: ModelMeta,
    field: ResourceField,
  ): Promise<[how: string, shown: unknown][]> {
    const { meta } = field;
    const kind = getFieldKind(field);
    const image = `jsonb_build_object('it', ${imaged(meta, `t.${meta.column}`)}) ->> 'it'`;
    // An image of money, and a plain text of it, have the currency's sign; a plain text of an
    // address has the bits of a whole one.
    const isOnlyInRows = meta.sqlType === 'money';
    const texts = {
      row: textSql(meta, 't'),
      ...(isOnlyInRows ? {} : { image }),
      ...(isOnlyInRows || meta.isList || meta.sqlType === 'inet'
        ? {}
        : { plain: `t.${meta.column}::text` }),
    };
    const asked = Object.entries(texts);
    const { rows } = await db.pages.query(
      `select ${asked.map(([how, sql]) => `${sql} as "${how}"`).join(', ')} from ${model.table} t where id = 1`,
    );
    return asked.map(([how]) => [how, kind.toForm(kind.fromText(rows[0][how], field), field)]);
  }

  async function shownFor(model: ModelMeta, field: ResourceField) {
    const { meta } = field;
    if (meta.type === 'Json') {
      const { rows } = await db.pages.query(
        `select ${meta.column}::text as text from ${model.table} where id = 1`,
      );
      return getFieldKind(field).toForm(parseJson(rows[0].text), field);
    }
    const row = await delegateOf(registry.client, model).findFirst({
      where: { id: 1 },
      select: { [meta.name]: true },
    });
    return getFieldKind(field).toForm(row?.[meta.name], field);
  }
});

function canonical({ name }: ResourceField, text: string): string {
  if (name === 'uuid') return text.toLowerCase();
  if (name === 'decimals') return text.replace('0.10000', '0.1');
  return text;
}
