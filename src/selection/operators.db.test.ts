import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../db/database.ts';
import { query, raw, sql } from '../db/sql.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import { timestampKind } from '../fields/timestamp.ts';
import type { FieldMeta, ModelMeta, RelationMeta } from '../metadata/contract.ts';
import { keyOf, keyToUrl } from '../metadata/keys.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { filterToText } from './filter.ts';
import { type FilterField, type FilterOperator, filterFieldsOf } from './filter-fields.ts';
import { buildWhere } from './where.ts';

const now = new Date('2020-03-01T00:00:00Z');

/**
 * SQL as a person would write it for an operator on a column, and the values that it is tried with.
 */
interface Case {
  texts: string[];
  sql: string;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

const oddTexts = [
  '',
  ' ',
  '%',
  '_',
  '\\',
  '\\%',
  "'",
  '0',
  'null',
  'PLAIN',
  'größe',
  'a..b',
  'l',
  'S',
  '%_\\',
  'long long',
];

/**
 * Texts as they stand in a URL, of values that are in the column, in every precision that a
 * timestamp may be given in.
 */
async function textsOf(db: Database, model: ModelMeta, field: ResourceField): Promise<string[]> {
  const { meta } = field;
  const { column } = meta;
  const item = meta.isList ? `unnest(${column})` : column;
  const { rows } = await db.pages.query<{ text: string }>(
    `select distinct ${textOf(String(item), meta)} as text from ${model.table} where ${column} is not null limit 40`,
  );
  const texts = rows
    .map(({ text }) => (meta.kind === 'enum' ? enumName(field, text) : text))
    .filter((text) => text !== null);
  if (getFieldKind(field).isSearchable || meta.type === 'String')
    return getFieldKind(field).name === 'text' ? spellings([...oddTexts, ...texts], meta) : texts;
  if (meta.type !== 'DateTime') return texts;
  if (timestampKind(meta.sqlType?.replace('[]', '') ?? null) === 'date' || meta.isList)
    return texts;
  const isTime = timestampKind(meta.sqlType) === 'time';
  return texts.flatMap((text) =>
    isTime
      ? [text, text.slice(0, 8), text.slice(0, 5)]
      : [text, `${text.slice(0, 19)}Z`, `${text.slice(0, 16)}Z`, text.slice(0, 10)],
  );
}

// Blanks at the end of `character(n)` are no part of a text.
function spellings(texts: string[], { sqlType }: FieldMeta): string[] {
  return sqlType?.startsWith('character')
    ? [...new Set(texts.map((text) => text.replace(/ +$/, '')))]
    : texts;
}

function enumName(field: ResourceField, dbName: string): string {
  return field.enum?.values.find((value) => value.dbName === dbName)?.name ?? dbName;
}

function textOf(column: string, { type, sqlType }: FieldMeta): string {
  const base = sqlType?.replace('[]', '') ?? '';
  if (type !== 'DateTime')
    return base === 'money'
      ? `${column}::numeric::text`
      : base === 'inet'
        ? `${column}::text`
        : `${column}::text`;
  if (base === 'date') return `to_char(${column}, 'YYYY-MM-DD')`;
  if (base.startsWith('timetz'))
    return `to_char(('1970-01-01 ' || ${column})::timestamptz, 'HH24:MI:SS.MS')`;
  if (base.startsWith('time(') || base === 'time')
    return `to_char('1970-01-01'::date + ${column}, 'HH24:MI:SS.MS')`;
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** The value that a text means, for SQL. */
function sqlValue(text: string, field: ResourceField): string {
  const { meta } = field;
  const base = meta.sqlType?.replace('[]', '') ?? 'text';
  if (meta.kind === 'enum')
    return `${literal(field.enum?.values.find(({ name }) => name === text)?.dbName ?? text)}::${base}`;
  if (base === 'money') return `${literal(text)}::numeric::money`;
  return `${literal(text)}::${/^varchar|^character/.test(base) ? 'text' : base}`;
}

/** A timestamp cut to the precision that it is compared in. */
function cut(column: string, text: string, { meta }: ResourceField): string {
  if (meta.sqlType === 'date') return column;
  const time = text.replace('Z', '').split('T').at(-1) ?? '';
  const isTime = timestampKind(meta.sqlType) === 'time';
  const unit = time.includes('.')
    ? 'milliseconds'
    : !time.includes(':')
      ? 'day'
      : time.length === 8
        ? 'second'
        : 'minute';
  if (meta.sqlType?.startsWith('timetz'))
    return `date_trunc('${unit}', ('1970-01-01 ' || ${column})::timestamptz)`;
  return isTime ? `date_trunc('${unit}', ${column}::interval)` : `date_trunc('${unit}', ${column})`;
}

function timestampValue(text: string, field: ResourceField): string {
  if (field.meta.sqlType?.startsWith('timetz'))
    return `('1970-01-01 ' || ${literal(text)} || 'Z')::timestamptz`;
  return timestampKind(field.meta.sqlType) === 'time'
    ? `${literal(text)}::interval`
    : `${literal(text)}::${field.meta.sqlType === 'date' ? 'date' : field.meta.sqlType?.startsWith('timestamptz') ? 'timestamptz' : 'timestamp'}`;
}

const pick = <T>(values: readonly T[], max: number): T[] => {
  const step = Math.max(1, Math.floor(values.length / max));
  return values.filter((_, index) => index % step === 0).slice(0, max);
};

/** Every operator on a column, with what plain SQL says for it. */
function scalarCases(
  column: string,
  field: ResourceField,
  operator: FilterOperator,
  texts: readonly string[],
  max: number,
): Case[] {
  const given = texts.filter((text) => text !== '');
  const some = pick(given, max);
  const several = pick(given, 3);
  const isTimestamp = field.meta.type === 'DateTime';
  const left = (text: string) => (isTimestamp ? cut(column, text, field) : column);
  const right = (text: string) =>
    isTimestamp ? timestampValue(text, field) : sqlValue(text, field);
  const compared = (sign: string) =>
    some.map((text) => ({ texts: [text], sql: `${left(text)} ${sign} ${right(text)}` }));
  const like = (before: string, after: string) =>
    some.map((text) => {
      const escaped = text.replace(/[\\%_]/g, '\\$&');
      const value = field.meta.sqlType?.startsWith('character') ? `${column}::text` : column;
      return { texts: [text], sql: `${value} ilike ${literal(before + escaped + after)}` };
    });
  const sets =
    several.length > 1 ? [...some.map((text) => [text]), several] : some.map((text) => [text]);
  switch (operator.name) {
    case 'is':
      return sets.map((set) => ({
        texts: set,
        sql: set.map((text) => `${left(text)} = ${right(text)}`).join(' or '),
      }));
    case 'not':
      return sets.map((set) => ({
        texts: set,
        sql: `${column} is null or (${set.map((text) => `${left(text)} <> ${right(text)}`).join(' and ')})`,
      }));
    case 'min':
      return compared('>=');
    case 'max':
      return compared('<=');
    case 'before':
      return compared('<');
    case 'after':
      return compared('>');
    case 'between':
      return some.slice(1).map((text, index) => {
        const from = some[index] as string;
        return {
          texts: [from, text],
          sql: `${left(from)} >= ${right(from)} and ${left(text)} <= ${right(text)}`,
        };
      });
    case 'contains':
      return like('%', '%');
    case 'starts':
      return like('', '%');
    case 'ends':
      return like('%', '');
    case 'same':
      return like('', '');
    case 'last':
      return spanCases(column, field, -1);
    case 'next':
      return spanCases(column, field, 1);
    case 'empty':
      return [
        {
          texts: [operator.value as string],
          sql: emptySql(column, field, operator.value === 'yes'),
        },
      ];
    case 'has':
      return sets.map((set) => ({
        texts: set,
        sql: `${column} && array[${set.map(right).join(', ')}]::${field.meta.sqlType}`,
      }));
    case 'all':
      return sets.map((set) => ({
        texts: set,
        sql: `${column} @> array[${set.map(right).join(', ')}]::${field.meta.sqlType}`,
      }));
    case 'none':
      return sets.map((set) => ({
        texts: set,
        sql: `${column} is null or not ${column} && array[${set.map(right).join(', ')}]::${field.meta.sqlType}`,
      }));
    default:
      throw new Error(`no plain SQL is known for ${operator.name}`);
  }
}

function spanCases(column: string, { meta }: ResourceField, sign: 1 | -1): Case[] {
  const isDate = meta.sqlType === 'date';
  const timestamp = isDate ? `date '2020-03-01'` : `timestamptz '2020-03-01T00:00:00Z'`;
  return (isDate ? ['7d', '2w'] : ['7d', '2w', '36h', '999w']).map((span) => {
    const interval = `interval '${span.replace('d', ' days').replace('w', ' weeks').replace('h', ' hours')}'`;
    const [from, to] =
      sign < 0
        ? [`${timestamp} - ${interval}`, timestamp]
        : [timestamp, `${timestamp} + ${interval}`];
    return { texts: [span], sql: `${column} between ${from} and ${to}` };
  });
}

function emptySql(column: string, { meta }: ResourceField, isEmpty: boolean): string {
  const isText =
    meta.type === 'String' &&
    !meta.isList &&
    /^(text|varchar|character|citext)/.test(meta.sqlType ?? '');
  const isJson = meta.type === 'Json' && !meta.isList;
  const empty = isJson
    ? `coalesce(${column}::jsonb, 'null') = 'null'`
    : meta.isList
      ? `coalesce(cardinality(${column}), 0) = 0`
      : isText
        ? `coalesce(${column}::text, '') = ''`
        : `${column} is null`;
  return isEmpty ? empty : `not (${empty})`;
}

/** Which records of a related model belong to a record. */
function link(
  metadata: Resource['metadata'],
  model: ModelMeta,
  field: FieldMeta,
): { related: ModelMeta; sql: string } {
  const relation = field.relation as RelationMeta;
  const related = metadata.models[relation.model] as ModelMeta;
  const column = (of: ModelMeta, alias: string, name: string) =>
    `${alias}.${(of.fields[name] as FieldMeta).column}`;
  if (relation.joinTable) {
    const [own, other] = [model.idFields[0] as string, related.idFields[0] as string];
    return {
      related,
      sql: `(${column(model, 't', own)}, ${column(related, 'r', other)}) in (select ${relation.ownColumn}, ${relation.otherColumn} from ${relation.joinTable})`,
    };
  }
  const { fromFields, toFields } = relation;
  if (fromFields.length > 0) {
    return {
      related,
      sql: fromFields
        .map(
          (name, index) =>
            `${column(model, 't', name)} = ${column(related, 'r', toFields[index] as string)}`,
        )
        .join(' and '),
    };
  }
  const back = related.fields[relation.opposite as string]?.relation as RelationMeta;
  return {
    related,
    sql: back.fromFields
      .map(
        (name, index) =>
          `${column(related, 'r', name)} = ${column(model, 't', back.toFields[index] as string)}`,
      )
      .join(' and '),
  };
}

async function relationCases(
  registry: ResourceRegistry,
  { model, metadata }: Resource,
  { field }: FilterField,
  operator: FilterOperator,
): Promise<Case[]> {
  const meta = model.fields[field.name] as FieldMeta;
  const { related, sql } = link(metadata, model, meta);
  const exists = (condition: string) =>
    `exists (select 1 from ${related.table} r where ${sql} and (${condition}))`;
  if (operator.name === 'empty')
    return [
      {
        texts: [operator.value as string],
        sql: operator.value === 'yes' ? `not ${exists('true')}` : exists('true'),
      },
    ];
  const select = Object.fromEntries(related.idFields.map((name) => [name, true]));
  const rows = await delegateOf(registry.client, related).findMany({ select, take: 3 });
  const keys = rows.map((row) => ({
    text: keyToUrl(related, keyOf(related, row)),
    sql: related.idFields
      .map((name) => `r.${related.fields[name]?.column}::text = ${literal(idText(row[name]))}`)
      .join(' and '),
  }));
  if (keys.length === 0) return [];
  const sets = [keys.slice(0, 1), keys];
  const has = (set: typeof keys) => exists(set.map((key) => `(${key.sql})`).join(' or '));
  return sets.map((set) => {
    const texts = set.map(({ text }) => text);
    if (operator.name === 'is' || operator.name === 'has') return { texts, sql: has(set) };
    if (operator.name === 'not' || operator.name === 'none')
      return { texts, sql: `not ${has(set)}` };
    return { texts, sql: set.map((key) => exists(key.sql)).join(' and ') };
  });
}

function idText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

async function casesOf(
  db: Database,
  registry: ResourceRegistry,
  resource: Resource,
  field: FilterField,
  operator: FilterOperator,
): Promise<Case[]> {
  const { model, metadata } = resource;
  if (!field.via) {
    if (model.fields[field.field.name]?.relation)
      return relationCases(registry, resource, field, operator);
    const max = model.name === 'Everything' ? 60 : 5;
    return scalarCases(
      `t.${field.field.meta.column}`,
      field.field,
      operator,
      await textsOf(db, model, field.field),
      max,
    );
  }
  const meta = model.fields[field.via.name] as FieldMeta;
  const { related, sql } = link(metadata, model, meta);
  const cases = scalarCases(
    `r.${field.field.meta.column}`,
    field.field,
    operator,
    await textsOf(db, related, field.field),
    3,
  );
  return cases.map((one) => ({
    ...one,
    sql:
      meta.relation?.kind === 'to-one'
        ? `(select count(*) from (select 1) one left join ${related.table} r on ${sql} where ${one.sql}) > 0`
        : `exists (select 1 from ${related.table} r where ${sql} and (${one.sql}))`,
  }));
}

test('on every field of every model, every operator finds the rows that plain SQL finds', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const wrong: string[] = [];
  const tried = new Set<string>();
  const offered = new Set<string>();
  let count = 0;
  for (const { slug } of registry.list) {
    const resource = registry.for(ada, slug);
    const { model } = resource;
    const fields = Object.values(model.fields).filter(({ column }) => column !== null);
    const ids = (
      model.idFields.length > 0
        ? model.idFields.map((name) => model.fields[name] as FieldMeta)
        : fields
    ).filter(({ kind }) => kind !== 'unsupported');
    const columns = ids.map(({ column }) => `t.${column}::text`).join(` || '|' || `);
    for (const field of filterFieldsOf(resource, ada)) {
      for (const operator of field.operators) {
        offered.add(`${getFieldKind(field.field).name} ${operator.name}`);
        for (const { texts, sql: condition } of await casesOf(
          db,
          registry,
          resource,
          field,
          operator,
        )) {
          const filter = filterToText({
            kind: 'and',
            items: [{ path: field.path, operator: operator.name, values: texts }],
          });
          const name = `${model.name}: ${decodeURIComponent(filter.replaceAll('+', ' '))}`;
          count += 1;
          tried.add(`${getFieldKind(field.field).name} ${operator.name}`);
          try {
            const where = buildWhere(resource, ada, filter, { now });
            const matching = await registry.whereSql(
              model,
              where,
              ids.map((id) => id.name),
            );
            const found = await query(
              db.pages,
              sql`select ${raw(columns)} as id from (${matching}) t order by 1`,
            );
            const expected = await db.pages.query(
              `select ${columns} as id from ${model.table} t where ${condition} order by 1`,
            );
            const [a, b] = [found, expected].map(({ rows }) =>
              JSON.stringify(rows.map(({ id }) => id)),
            );
            if (a !== b)
              wrong.push(
                `${name}\n    found ${a?.slice(0, 300)}\n    SQL   ${b?.slice(0, 300)} (${condition.slice(0, 300)})`,
              );
          } catch (error) {
            wrong.push(
              `${name}\n    ${(error as Error).message.slice(-400)} (${condition.slice(0, 300)})`,
            );
          }
        }
      }
    }
  }
  t.diagnostic(`${count} filters`);
  assert.deepEqual(
    [...offered].filter((pair) => !tried.has(pair)),
    [],
  );
  assert.equal(
    wrong.length,
    0,
    `${wrong.length} of ${count} filters differ:\n${wrong.slice(0, 400).join('\n')}`,
  );
});
