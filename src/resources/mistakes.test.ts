import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExamples } from '../testing/compile-examples.ts';

/** What a person gets wrong about a resource, and the words that the compiler has to say of it. */
const mistakes: readonly [code: string, said: RegExp][] = [
  [`defineResource(metadata, 'Citty');`, /"Citty"' is not assignable to .*"City"/],
  [of(`titleField: 'populaton'`), /Did you mean '"population"'/],
  [of(`columns: ['populaton']`), /Did you mean '"population"'/],
  [of(`columns: ['country.regoin']`), /Did you mean '"country\.region"'/],
  [of(`columns: ['country.cities']`), /'"country\.cities"' is not assignable/],
  [of(`columns: ['tags.name']`), /'"tags\.name"' is not assignable/],
  [of(`columns: ['countryCode']`), /'"countryCode"' is not assignable/],
  [of(`filters: ['statsu']`), /Did you mean '"status"'/],
  [of(`filters: ['countryCode']`), /'"countryCode"' is not assignable/],
  [of(`search: ['populaton']`), /Did you mean '"population"'/],
  [of(`defaultSort: '-populaton'`), /'"-populaton"' is not assignable/],
  [of(`form: ['populaton']`), /'"populaton"' is not assignable/],
  [of(`form: ['countryCode']`), /'"countryCode"' is not assignable/],
  [of(`form: [{ label: 'Names', fields: ['populaton'] }]`), /Did you mean '"population"'/],
  [of(`show: ['populaton']`), /'"populaton"' is not assignable/],
  [of(`fields: { populaton: { label: 'Name' } }`), /'populaton' does not exist/],
  [of(`fields: { name: { labell: 'Name' } }`), /Did you mean to write 'label'/],
  [
    of(`fields: { countryCode: { label: 'Country' } }`),
    /'label' does not exist in type 'KeyOptions'/,
  ],
  [of(`fields: { rating: { format: (rating) => rating.toFixd(1) } }`), /Did you mean 'toFixed'/],
  [
    of(`computed: { size: { needs: ['populaton'], value: () => 1 } }`),
    /'"populaton"' is not assignable/,
  ],
  [
    of(`computed: { size: { needs: ['name'], value: (city) => city.population } }`),
    /'population' does not exist on type 'Pick<CityRecord, "name">'/,
  ],
  [of(`scope: () => ({ statsu: 'draft' })`), /'{ statsu: "draft"; }' has no properties in common/],
  [of(`scope: () => ({ status: 'drat' })`), /'"drat"' is not assignable/],
  [of(`scope: async () => ({ status: 'draft' })`), /'Promise<.*CityWhereInput/],
  [of(`permissions: () => ['lisst']`), /'"lisst"' is not assignable/],
  [of(`validate: () => ({ populaton: 'is wrong' })`), /populaton/],
  [
    of(`hooks: { beforeSave: ({ set }) => set('populaton', 'x') }`),
    /"populaton"' is not assignable/,
  ],
  [of(`hooks: { beforSave: () => undefined }`), /Did you mean to write 'beforeSave'/],
  [of(`hooks: { beforeSave: ({ set }) => set('altName', 1) }`), /'number' is not assignable/],
  [of(`bulk: { fields: ['populaton'] }`), /Did you mean '"population"'/],
  [of(`bulk: { locks: 'off' }`), /'"off"' is not assignable/],
  [of(`bulk: { minAsyncRecord: 5 }`), /Did you mean to write 'minAsyncRecords'/],
  [of(`writeThrough: 'prisma'`), /'"prisma"' is not assignable/],
  [of(`collumns: ['name']`), /Did you mean to write 'columns'/],
  [
    `defineAdmin({ name: 'Shop', createClient: new PrismaClient({} as never), resources: [] });`,
    /'PrismaClient.*' is not assignable to type '\(parts: ClientParts\)|provides no match/,
  ],
  [
    `defineAdmin({ name: 'Shop', createClient: ({ adapter }) => ({ adapter }), resources: [] });`,
    /is missing the following properties from type 'PrismaClientLike'/,
  ],
];

function of(options: string): string {
  return `defineResource(metadata, 'City', { ${options} });`;
}

const imports = `import { defineAdmin, defineResource } from 'bulkhead';
import { PrismaClient } from '../generated/sample/client.ts';
import { metadata } from '../generated/sample-metadata/metadata.ts';
`;

const unused = { noUnusedLocals: false };

test('each mistake does not compile, and the compiler names what is wrong and the right word in a line or two', async () => {
  const said = await compileExamples(
    mistakes.map(([code]) => imports + code),
    unused,
  );
  const errors = said.split(/^(?=\S)/m);
  for (const [index, [code, wanted]] of mistakes.entries()) {
    const own = errors.filter((error) => error.includes(`example-${index}.ts(`));
    assert.equal(own.length, 1, `${code}\n${own.join('') || 'compiles'}`);
    assert.match(own[0] ?? '', wanted, code);
    const [first = ''] = (own[0] ?? '').replace(/^\S+ /, '').split('\n');
    assert.ok(first.length <= 400, `${code} is answered by ${first.length} characters: ${first}`);
  }
  assert.equal(errors.length, mistakes.length, said);
});
