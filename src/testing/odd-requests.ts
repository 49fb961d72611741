import fc from 'fast-check';
import type { Principal } from '../auth/principal.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { filterFieldsOf } from '../selection/filter-fields.ts';

/** A request that no browser of ours would send; `{…}` in it is put in when it is sent. */
export interface OddRequest {
  method: 'GET' | 'POST';
  /** Pattern of the route, for telling. */
  route: string;
  /** Raw, as it goes over the wire. */
  path: string;
  query: readonly (readonly [string, string])[];
  body: readonly (readonly [string, string])[] | null;
  /** Instead of a form. */
  raw: { type: string; text: string } | null;
  headers: Readonly<Record<string, string>>;
}

/** What is sent as it stands must not show up as it stands. */
export const marks = { html: '<fuzz-tag', header: 'x-fuzz-injected' };

const texts = [
  '',
  ' ',
  '0',
  '-1',
  '1',
  '2',
  '00',
  '1.5',
  '1e999',
  '-0',
  'NaN',
  'Infinity',
  '0x10',
  '٣',
  '1_000',
  '9'.repeat(15),
  '2147483648',
  '-2147483649',
  '9223372036854775808',
  '9'.repeat(400),
  `0.${'1'.repeat(400)}`,
  '1e-400',
  'true',
  'yes',
  'no',
  'null',
  'undefined',
  'draft',
  'ESP',
  'PPL',
  'a',
  'Place',
  '\0',
  'a\0b',
  '\ud800',
  '\udc00x',
  '\ufffd',
  '\uffff',
  '\u202e',
  'é',
  'e\u0301',
  '👩‍👩‍👧‍👦',
  'İ',
  'ß',
  '%',
  '_',
  '\\',
  '%_\\',
  '\\%',
  "'",
  '"',
  "';--",
  "' or '1'='1",
  '$1',
  '`',
  '{}',
  '[]',
  '[1,2]',
  '["a"]',
  '["1","2"]',
  '{"a":{"b":[]}}',
  '[[[',
  '"',
  '{"__proto__":{"x":1}}',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  '../..',
  '..%2f..%2fpackage.json',
  '/etc/passwd',
  '//evil.test',
  'https://evil.test',
  'javascript:alert(1)',
  '\r\nx-fuzz-injected: 1',
  `"><fuzz-tag x='`,
  '<fuzz-tag>',
  '</title><fuzz-tag>',
  '=1+1',
  '@SUM(1)',
  '2024-02-30',
  '2024-02-29T23:59:60Z',
  '0000-00-00',
  '-271821-04-19',
  '275760-09-14',
  '24:00',
  '12:61',
  '1..2',
  '..',
  '2..1',
  'a..b',
  '1..',
  '7d',
  '0d',
  '99999999999d',
  '-1d',
  '7',
  '00000000-0000-0000-0000-000000000000',
  '00000000000000000001',
  'name',
  '-name',
  'name,-name',
  'country.name',
  'id',
  'a,b,c,d,e,f,g,h,i,j',
  'W10',
  'eyJ',
  'x'.repeat(5_000),
];

const odd = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 40 }).map(String) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...texts), fc.constantFrom(...texts))
      .map(([a, b]) => `${a},${b}`),
  },
);

const stateNames = [
  '_q',
  '_sort',
  '_page',
  '_size',
  '_s',
  '_after',
  '_before',
  '_count',
  '_back',
  'q',
  'of',
  'token',
  'next',
  'in',
  'state',
  'resource',
  '_1',
  '_1.',
  '__proto__',
  'constructor',
  'a.b.c',
  '-',
  '.',
  '',
];
const bodyNames = [
  '_op',
  '_was',
  '_theirs',
  '_do',
  '_list',
  '_s',
  'key',
  'shown',
  'kept',
  'leftOut',
  'keep',
  'field',
  'acknowledge',
  'email',
  'password',
  'name',
  'next',
  'token',
  '_csrf',
  'reason',
  '_manner',
  'overlap',
  '_search',
  '_choose',
  '__proto__',
  'constructor',
  'toString',
];
const doings = ['add', 'remove', 'page', 'matching', 'clear'];

/** Requests to every GET and POST route; the same seed gives the same ones. */
export function oddRequests(
  routes: readonly string[],
  resources: readonly Resource[],
  principal: Principal,
  { seed, count }: { seed: number; count: number },
): OddRequest[] {
  return fc.sample(requestTo(routes, resources, principal), { seed, numRuns: count });
}

function requestTo(
  routes: readonly string[],
  resources: readonly Resource[],
  principal: Principal,
): fc.Arbitrary<OddRequest> {
  const names = new Map(resources.map((resource) => [resource.slug, namesOf(resource, principal)]));
  // Where there is most to get wrong.
  const deep = routes.filter((route) =>
    /:resource$|:resource\/(bulk|new|previews|:id\/edit)/.test(route),
  );
  return fc
    .tuple(fc.constantFrom(...routes, ...deep, ...deep, ...deep), fc.constantFrom(...resources))
    .chain(([route, resource]) => {
      const [method = 'GET', pattern = '/'] = route.split(' ');
      const known = names.get(resource.slug) as Names;
      const filterName = fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...known.filters) },
        { weight: 3, arbitrary: fc.constantFrom(...stateNames) },
        { weight: 1, arbitrary: odd },
      );
      const formName = fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...known.form) },
        { weight: 4, arbitrary: fc.constantFrom(...bodyNames) },
        { weight: 1, arbitrary: odd },
      );
      const value = fc.oneof(
        { weight: 6, arbitrary: odd },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            ...known.values,
            '{selection}',
            '{selection}',
            '{operation}',
            '{id}',
            '{key}',
            ...doings,
          ),
        },
      );
      return fc.record({
        method: fc.constant(method as 'GET' | 'POST'),
        route: fc.constant(route),
        path: pathOf(pattern, resource, known),
        query: fc.array(fc.tuple(filterName, value), { maxLength: 4 }).chain((pairs) =>
          repeated(
            pairs,
            /bulk|\/do\//.test(pattern)
              ? [
                  ['_s', '{selection}'],
                  ['of', '{field}'],
                ]
              : [],
          ),
        ),
        body:
          method === 'GET'
            ? fc.constant(null)
            : fc
                .array(fc.tuple(formName, value), { maxLength: 8 })
                .chain((pairs) => repeated(pairs, usual(pattern, resource))),
        raw:
          method === 'GET'
            ? fc.constant(null)
            : fc.oneof(
                { weight: 12, arbitrary: fc.constant(null) },
                { weight: 1, arbitrary: rawBody },
              ),
        headers: headersOf,
      });
    });
}

interface Names {
  filters: readonly string[];
  form: readonly string[];
  values: readonly string[];
  fields: readonly string[];
}

function namesOf(resource: Resource, principal: Principal): Names {
  const filters = filterFieldsOf(resource, principal).flatMap(({ path, operators }) => [
    path,
    ...operators.map(({ name }) => `${path}-${name}`),
  ]);
  const fields = Object.keys(resource.model.fields);
  const form = fields.flatMap((name) => [
    name,
    name,
    `value.${name}`,
    `change.${name}`,
    `_add.${name}`,
    `_keep.${name}`,
    `_remove.${name}`,
    `_search.${name}`,
    `from.${name}`,
    `by.${name}`,
  ]);
  const enums = resource.fields.flatMap(
    (field) => field.enum?.values.map(({ name }) => name) ?? [],
  );
  return {
    filters: [...filters, ...filters.map((name) => `_1.${name}`), ...fields],
    form,
    values: ['set', 'clear', 'add', 'remove', 'replace', ...fields, ...enums],
    fields,
  };
}

/** What makes a form worth reading at all; each may still be repeated or contradicted. */
function usual(pattern: string, { form, bulkFields, operations }: Resource): [string, string][] {
  const [first] = bulkFields;
  if (pattern.includes('bulk-edit') && first) {
    return [
      ['_op', '{operation}'],
      ['field', first.name],
      [`value.${first.name}`, plausible(first)],
    ];
  }
  if (pattern.includes('/do/'))
    return [
      ['_op', '{operation}'],
      ...operations.flatMap(({ options: { form = {} } }) =>
        Object.keys(form).map((name): [string, string] => [`form.${name}`, 'Odd {number}']),
      ),
    ];
  if (pattern.includes('bulk-delete'))
    return [
      ['_op', '{operation}'],
      ['acknowledge', 'yes'],
    ];
  if (pattern.includes('selection'))
    return [
      ['_do', 'add'],
      ['key', '{key}'],
    ];
  if (pattern.endsWith('/new'))
    return form.flatMap((field) => (field.meta.hasDefault ? [] : [[field.name, plausible(field)]]));
  if (pattern.includes('/:id/edit'))
    return form.flatMap((field) =>
      field.meta.isRequired || field.meta.sqlType === 'text'
        ? [[field.name, plausible(field)]]
        : [],
    );
  return [];
}

function plausible({ meta, relation, enum: choices }: ResourceField): string {
  if (relation) return '1';
  if (choices) return choices.values[0]?.name ?? '';
  return (
    {
      Int: '7',
      BigInt: '7',
      Float: '0.5',
      Decimal: '0.5',
      Boolean: 'true',
      DateTime: '2024-01-02T03:04',
      Json: '{}',
    }[meta.type] ?? (meta.sqlType === 'text' ? 'Odd {number}' : 'Odd')
  );
}

function repeated(
  pairs: [string, string][],
  given: [string, string][],
): fc.Arbitrary<[string, string][]> {
  const once = fc.oneof(
    { weight: 6, arbitrary: fc.constant(given) },
    { weight: 1, arbitrary: fc.subarray(given) },
  );
  const again = fc.oneof(
    { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
    { weight: 1, arbitrary: fc.subarray(pairs) },
  );
  return fc.tuple(once, again).map(([usually, twice]) => [...usually, ...pairs, ...twice]);
}

function pathOf(pattern: string, resource: Resource, { fields }: Names): fc.Arbitrary<string> {
  const parts = pattern.split('/').map((part) => {
    if (part === ':resource')
      return fc.oneof(
        { weight: 40, arbitrary: fc.constant(resource.slug) },
        { weight: 1, arbitrary: odd.map(encode) },
      );
    if (part === ':operation' && resource.operations.length > 0)
      return fc.oneof(
        {
          weight: 6,
          arbitrary: fc.constantFrom(...resource.operations.map(({ options }) => options.name)),
        },
        { weight: 1, arbitrary: odd.map(encode) },
      );
    if (part === ':field')
      return fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...fields) },
        { weight: 1, arbitrary: odd.map(encode) },
      );
    if (part === '*')
      return fc.oneof(
        odd.map(encode),
        fc.constantFrom(
          'theme.js',
          '..%2fpackage.json',
          '%2e%2e/%2e%2e/package.json',
          '.env',
          '%00',
          'theme.js%00.css',
          '%5c..%5cpackage.json',
        ),
      );
    if (part === ':id' && pattern.includes('/previews/'))
      return fc.oneof(
        { weight: 6, arbitrary: fc.constant('{operation}') },
        { weight: 1, arbitrary: odd.map(encode) },
      );
    if (part.startsWith(':'))
      return fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom('{id}', '{id}', '{id}', '{hidden}', '{task}') },
        { weight: 3, arbitrary: odd.map(encode) },
        { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '%C0%80', '%ED%A0%80') },
      );
    return fc.constant(part);
  });
  return fc.tuple(...parts).map((found) => found.join('/') || '/');
}

const headersOf = fc
  .record(
    {
      'hx-request': fc.constantFrom('true', 'false', '1'),
      'hx-target': fc.constantFrom('records', 'list', 'dialog-content', '"><fuzz-tag'),
      'hx-current-url': fc.constantFrom(
        'http://localhost/cities?a=1',
        '//evil.test',
        'javascript:1',
        'x'.repeat(300),
      ),
      accept: fc.constantFrom('application/json', 'text/html', '*/*', ''),
      'accept-language': fc.constantFrom('de', '*', '__proto__'),
      'x-forwarded-for': fc.constantFrom('1.1.1.1', 'x', ','),
      'accept-encoding': fc.constantFrom('gzip', 'br;q=0', 'identity'),
    },
    { requiredKeys: [] },
  )
  .map((headers) => headers as Record<string, string>);

const rawBody = fc.record({
  type: fc.constantFrom(
    'application/x-www-form-urlencoded',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded; charset=utf-16',
    '',
  ),
  text: fc.oneof(
    fc.constantFrom(
      '',
      '{',
      'null',
      '[]',
      '{"field":{"a":1}}',
      '%',
      'a=%zz&b',
      '&&&=',
      'a[b][c]=1',
      '__proto__=1',
      '--x\r\n\r\n--x--',
      'a=1&'.repeat(3_000),
    ),
    fc.json(),
    odd,
  ),
});

/** Percent-encoding that also says what JavaScript refuses to: half of a surrogate pair. */
export function encode(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0xd800 || code > 0xdfff) return encodeURIComponent(character).replaceAll("'", '%27');
    return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
      .map((byte) => `%${byte.toString(16).toUpperCase()}`)
      .join('');
  }).join('');
}
