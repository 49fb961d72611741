import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { LosslessNumber } from 'lossless-json';
import type { RelationMeta } from '../metadata/contract.ts';
import { testField } from '../testing/field.ts';
import type { FilterContext, ResourceField } from './contract.ts';
import { fieldKinds, getFieldKind } from './field-kinds.ts';
import { parseJson, plainJson } from './json.ts';
import { readDateSpan } from './timestamp.ts';

const tagRelation: RelationMeta = {
  model: 'Tag',
  kind: 'many-to-many',
  fromFields: [],
  toFields: [],
  opposite: 'values',
  joinTable: 'j',
  ownColumn: '"A"',
  otherColumn: '"B"',
};
const tagsMeta = {
  kind: 'relation',
  isList: true,
  isRequired: true,
  relation: tagRelation,
} as const;
const countryRelation: RelationMeta = {
  ...tagRelation,
  model: 'Country',
  kind: 'to-one',
  fromFields: ['value'],
  toFields: ['id'],
  joinTable: null,
};
const list = { isList: true, isRequired: true };

interface Sample {
  field: ResourceField;
  /** A value, and what its control shows, which reads back as the value. */
  values?: [value: unknown, text: string | string[]][];
  /** What was typed, and what it means. */
  reads?: [text: string, value: unknown][];
  refused?: string[];
  /** What goes to Postgres. */
  sql?: [value: unknown, sql: unknown][];
  /** What PostgreSQL writes, and the value that it stands for. */
  stored?: [text: string, value: unknown][];
  /** What is shown. */
  shown?: [value: unknown, text: string][];
  operators: string;
}

const at = (text: string) => new Date(text);
const comparisons = 'is not min max between empty empty';
const textual = 'contains is not starts ends same empty empty';
const ofTimestamps = 'is not before after min max between last next empty empty';
const listed = 'has all none empty empty';

const samples: Record<string, Sample> = {
  text: {
    stored: [[' a\nb', ' a\nb']],
    field: testField('String', 'text'),
    values: [
      ['a "b" \\ % _', 'a "b" \\ % _'],
      [' padded ', ' padded '],
      ['one\ntwo', 'one\ntwo'],
    ],
    reads: [['one\r\ntwo', 'one\ntwo']],
    refused: ['a\0b', '\ud800'],
    operators: textual,
  },
  'text of a length': {
    field: testField('String', 'varchar(3)'),
    values: [['🙂🙂🙂', '🙂🙂🙂']],
    refused: ['abcd', '🙂🙂🙂🙂'],
    operators: textual,
  },
  'text that Postgres pads': {
    field: testField('String', 'character(5)'),
    values: [['ab', 'ab']],
    shown: [['ab   ', 'ab']],
    refused: ['abcdef'],
    operators: textual,
  },
  citext: { field: testField('String', 'citext'), values: [['Ada', 'Ada']], operators: textual },
  uuid: {
    stored: [['6f9619ff-8b86-d011-b42d-00cf4fc964ff', '6f9619ff-8b86-d011-b42d-00cf4fc964ff']],
    field: testField('String', 'uuid'),
    values: [['6f9619ff-8b86-d011-b42d-00cf4fc964ff', '6f9619ff-8b86-d011-b42d-00cf4fc964ff']],
    reads: [[' 6F9619FF-8B86-D011-B42D-00CF4FC964FF', '6f9619ff-8b86-d011-b42d-00cf4fc964ff']],
    refused: [
      'abc',
      '6f9619ff-8b86-d011-b42d-00cf4fc964f',
      '{6f9619ff-8b86-d011-b42d-00cf4fc964ff}',
    ],
    operators: 'is not empty empty',
  },
  network: {
    stored: [['10.0.0.0/8', '10.0.0.0/8']],
    field: testField('String', 'inet'),
    values: [
      ['192.0.2.7', '192.0.2.7'],
      ['2001:db8::/32', '2001:db8::/32'],
    ],
    refused: [
      '192.0.2',
      '192.0.2.7/33',
      '2001:db8::/129',
      'fe80::1%eth0',
      '1.2.3.4/',
      '1.2.3.4/5/6',
      'example.com',
    ],
    operators: 'is not empty empty',
  },
  bits: {
    stored: [['0101', '0101']],
    field: testField('String', 'bit(4)'),
    values: [['0101', '0101']],
    refused: ['01', '01010', '012a'],
    operators: 'is not empty empty',
  },
  'bits of any number': {
    field: testField('String', 'varbit(8)'),
    values: [['1', '1']],
    refused: ['010101010', 'x'],
    operators: 'is not empty empty',
  },
  xml: {
    stored: [['<a/>', '<a/>']],
    field: testField('String', 'xml'),
    values: [['<a>1</a>', '<a>1</a>']],
    operators: 'empty empty',
  },
  integer: {
    stored: [['-7', -7]],
    field: testField('Int', 'integer'),
    values: [
      [2_147_483_647, '2147483647'],
      [-2_147_483_648, '-2147483648'],
    ],
    reads: [
      [' +7 ', 7],
      ['007', 7],
    ],
    shown: [[1_234_567, '1,234,567']],
    refused: [
      '2147483648',
      '-2147483649',
      '1.0',
      '1e3',
      '0x10',
      '1 000',
      '٣',
      'NaN',
      '-',
      '9'.repeat(60),
    ],
    operators: comparisons,
  },
  'small integer': {
    field: testField('Int', 'smallint'),
    values: [[-32_768, '-32768']],
    refused: ['32768', '-32769'],
    operators: comparisons,
  },
  oid: {
    field: testField('Int', 'oid'),
    values: [[4_294_967_295, '4294967295']],
    refused: ['-1', '4294967296'],
    operators: comparisons,
  },
  'big-integer': {
    stored: [['9007199254740993', 9_007_199_254_740_993n]],
    field: testField('BigInt', 'bigint'),
    values: [
      [9_223_372_036_854_775_807n, '9223372036854775807'],
      [-(2n ** 63n), '-9223372036854775808'],
    ],
    shown: [[9_007_199_254_740_993n, '9,007,199,254,740,993']],
    sql: [[9_007_199_254_740_993n, '9007199254740993']],
    refused: ['9223372036854775808', '-9223372036854775809', '9'.repeat(60)],
    operators: comparisons,
  },
  float: {
    stored: [
      ['1e-07', 1e-7],
      ['-Infinity', Number.NEGATIVE_INFINITY],
    ],
    field: testField('Float', 'double precision'),
    values: [
      [1e-7, '1e-7'],
      [-1.5e300, '-1.5e+300'],
      [0.1, '0.1'],
    ],
    reads: [
      ['.5', 0.5],
      ['0e5', 0],
    ],
    shown: [
      [1e308, '1e+308'],
      [123_456_789, '123,456,789'],
    ],
    refused: ['1e999', '1e-999', 'Infinity', 'NaN', '0x10', '0b1', '1_000', '--1', '1,5', '.'],
    operators: comparisons,
  },
  'float of four bytes': {
    field: testField('Float', 'real'),
    values: [[1.5, '1.5']],
    refused: ['1e39', '-1e39', '1e-60'],
    operators: comparisons,
  },
  decimal: {
    stored: [
      ['-0.10', new Decimal('-0.1')],
      ['NaN', new Decimal('NaN')],
    ],
    field: testField('Decimal', 'numeric(5,2)'),
    values: [
      ['999.99', '999.99'],
      ['-0.10', '-0.10'],
    ],
    reads: [
      ['.5', '0.5'],
      ['00012.', '00012'],
    ],
    refused: ['1000', '0.001', '.', '-', '1e2', '1,5', 'Infinity', 'NaN'],
    operators: comparisons,
  },
  'decimal of any size': {
    field: testField('Decimal', 'numeric(65,30)'),
    values: [
      [
        '12345678901234567890.012345678901234567890123456789',
        '12345678901234567890.012345678901234567890123456789',
      ],
    ],
    shown: [['12345678901234567890.0120', '12,345,678,901,234,567,890.0120']],
    sql: [[{ toFixed: () => '0.0000001', toString: () => '1e-7' }, '0.0000001']],
    operators: comparisons,
  },
  money: {
    stored: [
      ['-12.34', new Decimal('-12.34')],
      ['$1,000.00', '$1,000.00'],
    ],
    field: testField('Decimal', 'money'),
    values: [['92233720368547758.07', '92233720368547758.07']],
    refused: ['92233720368547758.08', '0.001'],
    operators: comparisons,
  },
  boolean: {
    stored: [
      ['t', true],
      ['false', false],
    ],
    field: testField('Boolean', 'boolean'),
    values: [
      [true, 'true'],
      [false, 'false'],
    ],
    shown: [[false, 'No']],
    refused: ['perhaps', '2', '__proto__', 'constructor', 'toString'],
    operators: 'is not empty empty',
  },
  'date-time': {
    stored: [
      ['2026-01-31 14:30:00+00', at('2026-01-31T14:30:00Z')],
      ['2026-01-31T14:30:00.250001+05:30', at('2026-01-31T09:00:00.250Z')],
      ['2026-01-31 14:30:00', at('2026-01-31T14:30:00Z')],
      ['2026-01-31T14:30:00.250Z', at('2026-01-31T14:30:00.250Z')],
      ['infinity', 'infinity'],
      ['10000-01-01T00:00:00+00:00', '10000-01-01T00:00:00+00:00'],
      ['0044-03-15 12:00:00 BC', '0044-03-15 12:00:00 BC'],
    ],
    field: testField('DateTime', 'timestamptz(6)'),
    values: [
      [at('2026-01-31T14:30:00Z'), '2026-01-31T14:30'],
      [at('2026-01-31T14:30:05Z'), '2026-01-31T14:30:05'],
      [at('2026-01-31T14:30:05.250Z'), '2026-01-31T14:30:05.250'],
    ],
    reads: [
      ['2026-01-31', at('2026-01-31T00:00:00Z')],
      ['2024-02-29 23:59', at('2024-02-29T23:59:00Z')],
      ['2026-01-01T00:30+02:00', at('2025-12-31T22:30:00Z')],
      ['2026-12-31T23:30:15.250-0100', at('2027-01-01T00:30:15.250Z')],
      ['2026-12-31T23:30 -01', at('2027-01-01T00:30:00Z')],
      ['2026-12-31T23:30:00Z', at('2026-12-31T23:30:00Z')],
    ],
    shown: [[at('2026-01-31T14:30:00Z'), '31 Jan 2026, 14:30']],
    sql: [[at('2026-01-31T14:30:05.250Z'), '2026-01-31T14:30:05.250Z']],
    refused: [
      '2026-02-29',
      '2026-02-31T10:00+02:00',
      '2026-06-31T23:59-05:00',
      '2026-02-30T10:00Z',
      '2026-13-01',
      '2026-01-32',
      '2026-01-01T25:00',
      '2026-01-01T24:00',
      '2026-01-01T10:60',
      '0000-01-01',
      '31.01.2026',
      'tomorrow',
      '1769869800000',
      '2026-01-31T10:00+99:00',
      '14:30',
    ],
    operators: ofTimestamps,
  },
  date: {
    stored: [
      ['2026-01-31', at('2026-01-31T00:00:00Z')],
      ['-infinity', '-infinity'],
    ],
    field: testField('DateTime', 'date'),
    values: [[at('2026-01-31T00:00:00Z'), '2026-01-31']],
    shown: [[at('2026-01-31T00:00:00Z'), '31 Jan 2026']],
    sql: [[at('2026-01-31T00:00:00Z'), '2026-01-31']],
    refused: ['2026-02-30', '2026-01-31T10:00', '10:00'],
    operators: ofTimestamps,
  },
  time: {
    stored: [['14:30:00.5', at('1970-01-01T14:30:00.500Z')]],
    field: testField('DateTime', 'time(6)'),
    values: [
      [at('1970-01-01T14:30:00Z'), '14:30'],
      [at('1970-01-01T23:59:59.999Z'), '23:59:59.999'],
    ],
    shown: [[at('1970-01-01T14:30:00Z'), '14:30']],
    sql: [[at('1970-01-01T14:30:00Z'), '14:30:00.000Z']],
    refused: ['24:00', '14:60', '2026-01-31T14:30', '2 pm', ''.padEnd(3, '1')],
    operators: 'is not before after min max between empty empty',
  },
  'time with a zone': {
    stored: [['14:30:00+02', at('1970-01-01T14:30:00Z')]],
    field: testField('DateTime', 'timetz(6)'),
    values: [[at('1970-01-01T14:30:00Z'), '14:30']],
    refused: ['24:00', '14:30+02'],
    operators: 'empty empty',
  },
  json: {
    stored: [['{"a": 1}', { a: new LosslessNumber('1') }]],
    field: testField('Json', 'jsonb'),
    reads: [],
    shown: [[{ a: [1, 'two', null] }, '{"a":[1,"two",null]}']],
    sql: [[{ a: 1 }, '{"a":1}']],
    refused: ['{a: 1}', '"\\u0000"', '{"\\u0000": 1}', '"\\ud800"', '[1,]', 'undefined'],
    operators: 'empty empty',
  },
  choice: {
    stored: [
      ['WILD!', 'wild'],
      ['unheard-of', 'unheard-of'],
    ],
    field: testField('Mood', 'mood'),
    values: [['calm', 'calm']],
    sql: [['calm', 'is-calm']],
    refused: ['is-calm', 'Calm', 'furious', '__proto__', 'constructor'],
    operators: 'is not empty empty',
  },
  bytes: {
    stored: [
      ['\\x00ff', new Uint8Array([0, 255])],
      ['\\x00… (5,000 characters)', '\\x00… (5,000 characters)'],
    ],
    field: testField('Bytes', 'bytea'),
    shown: [
      [new Uint8Array(1), '1 byte'],
      [new Uint8Array(999), '999 bytes'],
      [new Uint8Array(1_500), '1.5 kB'],
      [new Uint8Array(2_000_000), '2 MB'],
    ],
    refused: ['x'],
    operators: 'empty empty',
  },
  'text-list': {
    stored: [['["a","",null,["b"]]', ['a', '', null, ['b']]]],
    field: testField('String', 'varchar(10)[]', list),
    values: [
      [
        ['a', 'b,c', '', ' padded ', 'two\nlines', '"quoted"', '{x}'],
        'a\nb,c\n""\n" padded "\n"two\\nlines"\n"\\"quoted\\""\n{x}',
      ],
      [[], ''],
    ],
    reads: [['a\r\n\r\nb\n', ['a', 'b']]],
    refused: ['"unfinished', 'eleven chars'],
    shown: [[['a', '', 'b'], 'a, "", b']],
    sql: [
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    ],
    operators: listed,
  },
  'uuid-list': {
    stored: [['[]', []]],
    field: testField('String', 'uuid[]', list),
    values: [[['6f9619ff-8b86-d011-b42d-00cf4fc964ff'], '6f9619ff-8b86-d011-b42d-00cf4fc964ff']],
    refused: ['x'],
    operators: listed,
  },
  'network-list': {
    stored: [['["::1"]', ['::1']]],
    field: testField('String', 'inet[]', list),
    values: [[['::1', '1.2.3.4'], '::1\n1.2.3.4']],
    refused: ['x'],
    operators: listed,
  },
  'bits-list': {
    stored: [['["01"]', ['01']]],
    field: testField('String', 'bit(2)[]', list),
    values: [[['01'], '01']],
    refused: ['012'],
    operators: listed,
  },
  'xml-list': {
    stored: [['["<a/>"]', ['<a/>']]],
    field: testField('String', 'xml[]', list),
    values: [[['<a/>'], '<a/>']],
    operators: 'empty empty',
  },
  'integer-list': {
    stored: [['[1,"-2"]', [1, -2]]],
    field: testField('Int', 'integer[]', list),
    values: [[[1, -2], '1\n-2']],
    refused: ['1, 2', '1.5'],
    sql: [
      [
        [1, -2],
        ['1', '-2'],
      ],
    ],
    operators: listed,
  },
  'big-integer-list': {
    stored: [['[9007199254740993]', [9_007_199_254_740_993n]]],
    field: testField('BigInt', 'bigint[]', list),
    values: [[[9_007_199_254_740_993n], '9007199254740993']],
    refused: ['x'],
    operators: listed,
  },
  'float-list': {
    stored: [['[0.1]', [0.1]]],
    field: testField('Float', 'double precision[]', list),
    values: [[[0.1], '0.1']],
    refused: ['x'],
    operators: listed,
  },
  'decimal-list': {
    stored: [['[123456789012345.12345]', [new Decimal('123456789012345.12345')]]],
    field: testField('Decimal', 'numeric(20,5)[]', list),
    values: [[['0.10000'], '0.10000']],
    refused: ['0.000001'],
    operators: listed,
  },
  'boolean-list': {
    stored: [['[true,"false"]', [true, false]]],
    field: testField('Boolean', 'boolean[]', list),
    values: [[[true, false], 'true\nfalse']],
    refused: ['perhaps'],
    operators: listed,
  },
  'date-time-list': {
    stored: [['["2026-01-31","infinity"]', [at('2026-01-31T00:00:00Z'), 'infinity']]],
    field: testField('DateTime', 'date[]', list),
    values: [[[at('2026-01-31T00:00:00Z')], '2026-01-31']],
    refused: ['2026-02-30'],
    operators: listed,
  },
  'choice-list': {
    stored: [['["is-calm"]', ['calm']]],
    field: testField('Mood', 'mood[]', list),
    values: [[['calm', 'wild'], 'calm\nwild']],
    sql: [[['wild'], ['WILD!']]],
    refused: ['is-calm'],
    operators: listed,
  },
  'json-list': {
    stored: [['[{"a": 1}]', [{ a: new LosslessNumber('1') }]]],
    field: testField('Json', 'jsonb[]', list),
    shown: [[[{ a: 1 }, null], '{"a":1}, null']],
    refused: ['1'],
    operators: 'empty empty',
  },
  'bytes-list': {
    stored: [['["\\\\x00"]', [new Uint8Array([0])]]],
    field: testField('Bytes', 'bytea[]', list),
    shown: [[[new Uint8Array(2)], '2 bytes']],
    refused: ['x'],
    operators: 'empty empty',
  },
  'to-one': {
    stored: [['7', 7]],
    field: {
      ...testField('Int', 'integer', { foreignKeyOf: 'country' }),
      name: 'country',
      relation: countryRelation,
    },
    values: [[7, '7']],
    shown: [[{ id: '7', title: 'Spain' }, 'Spain']],
    refused: ['x'],
    operators: 'is not empty empty',
  },
  'many-to-many': {
    stored: [['["1", 2]', ['1', '2']]],
    field: testField('Tag', 'none', tagsMeta),
    shown: [
      [
        [
          { id: '1', title: 'old' },
          { id: '2', title: 'new' },
        ],
        'old, new',
      ],
    ],
    sql: [
      [
        ['1', '2'],
        ['1', '2'],
      ],
    ],
    operators: listed,
  },
  'read-only': {
    stored: [['(1,2)', '(1,2)']],
    field: testField('point', 'point', { kind: 'unsupported' }),
    refused: ['(1,2)'],
    operators: '',
  },
};

/** A decimal that is typed is a text, which keeps its last zeros. */
const numberOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(numberOf);
  return typeof value === 'string' && /^-?\d+\.\d+$/.test(value) ? new Decimal(value) : value;
};

const nameOf = (field: ResourceField) => getFieldKind(field).name;

test('every kind has a sample, and a text that PostgreSQL writes of it', () => {
  const sampled = new Set(
    Object.values(samples).map(({ field, stored }) => (stored ? nameOf(field) : '')),
  );
  assert.deepEqual(
    fieldKinds.map(({ name }) => name).filter((name) => !sampled.has(name)),
    [],
  );
});

for (const [name, sample] of Object.entries(samples)) {
  const {
    field,
    values = [],
    reads = [],
    refused = [],
    sql = [],
    stored = [],
    shown = [],
  } = sample;
  const kind = getFieldKind(field);

  test(`${name}: what its control shows is read back as the same value`, () => {
    for (const [value, text] of values) {
      assert.deepEqual(kind.toForm(value, field), text);
      assert.deepEqual(kind.parse(text, field), { value });
    }
    for (const [text, value] of reads) assert.deepEqual(kind.parse(text, field), { value }, text);
  });

  test(`${name}: what the column cannot hold is an error that names the field`, () => {
    for (const text of refused) {
      const parsed = kind.parse(text, field);
      assert.ok('error' in parsed, JSON.stringify(text));
      assert.match(parsed.error, /Value|"/);
      assert.doesNotMatch(parsed.error, /\.\.$|undefined|null/);
    }
  });

  test(`${name}: an empty control is no value, or an error where one is required`, () => {
    if (kind.input === 'none') return;
    const required = { ...field, meta: { ...field.meta, isRequired: true } };
    for (const empty of [undefined, '', '  ', ['']]) {
      const isMany = field.meta.isList;
      if (isMany && empty === '  ' && field.relation) continue;
      assert.deepEqual(kind.parse(empty, field), { value: isMany ? [] : null });
      assert.deepEqual(
        kind.parse(empty, required),
        isMany ? { value: [] } : { error: 'Value is required.' },
      );
    }
  });

  test(`${name}: null is shown as nothing`, () => {
    for (const value of [null, undefined]) {
      assert.equal(kind.format(value, field).text, '');
      assert.deepEqual(
        kind.toForm(value, field),
        field.relation?.kind === 'many-to-many' ? [] : '',
      );
    }
    if (!field.meta.isList) assert.equal(kind.toSql(null, field), null);
  });

  test(`${name}: it is shown in words and sent to Postgres in its own`, () => {
    for (const [value, text] of shown) assert.equal(kind.format(value, field).text, text);
    for (const [value, text] of sql) assert.deepEqual(kind.toSql(value, field), text);
    for (const [value] of values)
      assert.ok(kind.format(value, field).text !== '' || [value].flat().length === 0);
  });

  test(`${name}: what PostgreSQL writes is read as the value that the control gives`, () => {
    for (const [text, value] of stored) assert.deepEqual(kind.fromText(text, field), value, text);
    for (const [value, shownText] of values) {
      const text = kind.toSql(value, field);
      const read = kind.fromText(Array.isArray(text) ? JSON.stringify(text) : String(text), field);
      assert.deepEqual(
        kind.toForm(read, field),
        kind.toForm(numberOf(value), field),
        String(shownText),
      );
    }
  });

  test(`${name}: a filter compares it in the ways of its type`, () => {
    const optional = { ...field, meta: { ...field.meta, isRequired: field.meta.isList } };
    const operators = kind.operators(optional);
    assert.equal(operators.map((operator) => operator.name).join(' '), sample.operators);
    for (const operator of operators) {
      const given = { none: [operator.value ?? ''], span: ['7d'], range: [], one: [], many: [] }[
        operator.input
      ];
      if (operator.input === 'none' || operator.input === 'span')
        assert.ok('value' in operator.where(given, optional, context), operator.name);
      else
        assert.ok(
          'error' in operator.where([], optional, context),
          `${operator.name} without a value`,
        );
      if (field.relation) continue;
      const texts = [
        ...values.map(([value]) => kind.toForm(value, optional)),
        ...reads.map(([text]) => text),
      ]
        .flat()
        .filter((text) => text.trim() !== '');
      const first = texts[0]?.split('\n')[0];
      if (first === undefined || operator.input === 'none' || operator.input === 'span') continue;
      const where = operator.where(
        operator.input === 'range' ? [first, first] : [first],
        optional,
        context,
      );
      assert.ok('value' in where, `${operator.name} ${first}`);
      assert.notDeepEqual(where.value, {});
      for (const text of refused.filter((one) => !one.includes('\n'))) {
        const wrong = operator.where(
          operator.input === 'range' ? [first, text] : [text],
          optional,
          context,
        );
        if (kind.name !== 'text' && kind.name !== 'text-list')
          assert.ok('error' in wrong, `${operator.name} takes ${text}`);
      }
    }
  });
}

const context: FilterContext = {
  metadata: { models: {}, enums: {} },
  now: at('2026-06-15T12:00:00Z'),
  timeZone: 'UTC',
  scopeOf: () => null,
};

test('a field that always has a value is not asked whether it is empty, save texts and lists', () => {
  const required = (of: string) => {
    const field = samples[of]?.field as ResourceField;
    return getFieldKind(field)
      .operators({ ...field, meta: { ...field.meta, isRequired: true } })
      .some((operator) => operator.name === 'empty');
  };
  for (const name of ['integer', 'boolean', 'choice', 'date', 'uuid', 'json', 'bytes', 'to-one'])
    assert.equal(required(name), false, name);
  for (const name of ['text', 'text-list', 'many-to-many'])
    assert.equal(required(name), true, name);
});

test('timestamps are shown and meant in the zone of the reader, days and times of day everywhere the same', () => {
  const reader = { timeZone: 'America/New_York' };
  const { field } = samples['date-time'] as Sample;
  const kind = getFieldKind(field);
  const value = at('2026-07-01T02:30:00Z');
  assert.equal(kind.format(value, field, reader).text, '30 Jun 2026, 22:30');
  assert.equal(kind.toForm(value, field, reader), '2026-06-30T22:30');
  assert.deepEqual(kind.parse('2026-06-30T22:30', field, reader), { value });
  assert.deepEqual(kind.parse('2026-06-30T22:30Z', field, reader), {
    value: at('2026-06-30T22:30:00Z'),
  });
  for (const name of ['date', 'time']) {
    const { field: of, values = [] } = samples[name] as Sample;
    for (const [given, text] of values) {
      assert.equal(getFieldKind(of).toForm(given, of, reader), text);
      assert.deepEqual(getFieldKind(of).parse(text, of, reader), { value: given });
    }
  }
});

test('JSON keeps every digit and tells null from nothing', () => {
  const { field } = samples.json as Sample;
  const kind = getFieldKind(field);
  for (const text of [
    '{"a": 12345678901234567890.12345678901234567890, "b": [1e400, 1.50, -0]}',
    '12345678901234567890',
    '0.1000',
    'null',
  ]) {
    const parsed = kind.parse(text, field) as { value: unknown };
    assert.notEqual(parsed.value, null, text);
    assert.equal(kind.toSql(parsed.value, field), text.replaceAll(': ', ':').replaceAll(', ', ','));
    assert.deepEqual(
      kind.toSql(
        (kind.parse(kind.toForm(parsed.value, field) as string, field) as { value: unknown }).value,
        field,
      ),
      kind.toSql(parsed.value, field),
    );
  }
  assert.ok('value' in kind.parse('"a \\\\u0000 that is only text, and 🙂 \\ud83d\\ude42"', field));
});

test('JSON that the database holds is shown, whatever it is', () => {
  const { field } = samples.json as Sample;
  const kind = getFieldKind(field);
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  for (const text of ['{"a":1,"a":2}', deep, '{"__proto__":{"x":1},"constructor":1}']) {
    const value = parseJson(text);
    assert.equal(kind.format(value, field).text, text);
    assert.equal(kind.toSql(value, field), text);
    assert.doesNotThrow(() => plainJson(value));
  }
  for (const text of ['{"a":1,"a":2}', deep]) assert.ok('error' in kind.parse(text, field));
});

test('a time that a clock skips or shows twice is asked for again, in words that say both; with its offset it is one', () => {
  const { field } = samples['date-time'] as Sample;
  const reader = { timeZone: 'Europe/Madrid' };
  const { parse, toForm, format } = getFieldKind(field);
  const read = (text: string) => parse(text, field, reader);
  assert.match(
    (read('2026-03-29T02:30') as { error: string }).error,
    /put forward, and there is no 02:30/,
  );
  assert.deepEqual(read('2026-03-29T03:30'), { value: at('2026-03-29T01:30:00Z') });
  const { error } = read('2026-10-25T02:30') as { error: string };
  assert.match(
    error,
    /2026-10-25 02:30\+02:00 for the first, 2026-10-25 02:30\+01:00 for the second/,
  );
  assert.deepEqual(read('2026-10-25 02:30+02:00'), { value: at('2026-10-25T00:30:00Z') });
  assert.deepEqual(read('2026-10-25 02:30+01:00'), { value: at('2026-10-25T01:30:00Z') });
  const second = at('2026-10-25T01:30:00Z');
  assert.equal(toForm(second, field, reader), '2026-10-25T02:30+01:00');
  assert.equal(format(second, field, reader).text, '25 Oct 2026, 02:30 (UTC+1)');
  assert.equal(
    format(at('2026-10-25T00:30:00Z'), field, reader).text,
    '25 Oct 2026, 02:30 (UTC+2)',
  );
  assert.equal(format(second, field).text, '25 Oct 2026, 01:30', 'in UTC there is but one');
  const days = (text: string, timeZone: string) => readDateSpan(text, field.meta.sqlType, timeZone);
  assert.deepEqual(days('2026-10-25', 'Europe/Madrid'), {
    start: at('2026-10-24T22:00:00Z'),
    end: at('2026-10-25T23:00:00Z'),
    to: 'day',
  });
  // Where the clocks are changed at midnight.
  assert.equal(days('2026-03-29', 'Asia/Beirut')?.start.toISOString(), '2026-03-28T22:00:00.000Z');
  assert.equal(
    days('2026-11-01', 'America/Havana')?.start.toISOString(),
    '2026-11-01T04:00:00.000Z',
  );
});
