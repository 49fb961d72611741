import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import { keyOf, keyToUrl, whereKeys } from '../metadata/keys.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { isPossible } from '../resources/possible-actions.ts';
import { type TestApp, testApp, type Visitor } from '../testing/app.ts';
import { formOf } from '../testing/html-form.ts';
import { openAs } from '../testing/launch-as.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { typedText } from '../testing/typed-text.ts';

type Typed = Record<string, string | readonly string[]>;

interface Around {
  app: TestApp;
  admin: Visitor;
  resource: Resource;
}

// What no single column decides.
const given: Readonly<Record<string, readonly Typed[]>> = {
  Grading: [
    { personId: '1', courseCode: 'MATH' },
    { personId: '2', courseCode: 'MATH' },
  ],
  Enrollment: [
    { person: '20', course: 'ART' },
    { person: '21', course: 'ART' },
  ],
  Cabin: [
    { ship: '1', level: '1' },
    { ship: '2', level: '1' },
  ],
  order_line: [
    { order: '20', line_no: '1' },
    { order: '20', line_no: '2' },
  ],
  User: [
    { id_: '500', id: '500' },
    { id_: '501', id: '501' },
  ],
  Issue: [{ projectCode: '' }, { projectCode: '' }],
  IdBoolean: [{ flag: 'true' }, { flag: 'false' }],
  IdEnum: [{ mood: 'sad' }, { mood: 'happy' }],
};

// Their records take up every id there is, or all but one.
const emptied = ['IdBoolean', 'IdEnum'];

/** A related record's id that is not in use yet, where only one record may lead to it. */
async function relatedId({ app, resource }: Around, field: ResourceField): Promise<string> {
  const related = resource.metadata.models[field.relation?.model ?? ''] as ModelMeta;
  const target = related.fields[field.relation?.toFields[0] ?? ''] as FieldMeta;
  const { rows } = await app.db.pages.query<{ id: string }>(
    `select r.${target.column}::text as id from ${related.table} r
     order by exists (select 1 from ${resource.model.table} t where t.${field.meta.column} = r.${target.column}), 1 desc limit 1`,
  );
  return rows[0]?.id ?? '';
}

async function typedRecord(around: Around, n: number): Promise<Typed> {
  const typed: Typed = {};
  for (const field of around.resource.form) {
    if (field.relation?.kind === 'many-to-many') continue;
    if (field.relation && !field.meta.isRequired) continue;
    typed[field.name] = field.relation ? await relatedId(around, field) : typedText(field, 80 + n);
  }
  return { ...typed, ...given[around.resource.model.name]?.[n] };
}

function isGiven({ resource: { model } }: Around, { name, meta }: ResourceField): boolean {
  const isShared = model.uniques.some((unique) => unique.length > 1 && unique.includes(meta.name));
  return isShared || Object.hasOwn(given[model.name]?.[0] ?? {}, name);
}

async function keysOf({ app, resource }: Around): Promise<string[]> {
  const { rows } = await app.db.pages.query<{ key: string }>(
    `select ${keySql(resource.model, 't')} collate "C" as key from ${resource.model.table} t order by 1`,
  );
  return rows.map(({ key }) => key);
}

async function imageOf({ app, resource }: Around, key: string): Promise<Record<string, unknown>> {
  const { rows } = await app.db.pages.query<{ image: Record<string, unknown> }>(
    `select to_jsonb(t.*) as image from ${resource.model.table} t where ${keySql(resource.model, 't')} = $1`,
    [key],
  );
  return rows[0]?.image ?? {};
}

function pathOf({ resource }: Around, key: string, page = ''): string {
  return `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}${page}`;
}

async function page(admin: Visitor, path: string): Promise<string> {
  const { statusCode, body } = await admin.get(path);
  assert.equal(statusCode, 200, `${path}: ${wordsOf(body)}`);
  return body;
}

function wordsOf(html: string): string {
  const main = html.slice(html.indexOf('<main'));
  return main
    .replace(/<svg[\s\S]*?<\/svg>|<script[\s\S]*?<\/script>|<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 600);
}

async function post(admin: Visitor, path: string, body: Typed): Promise<void> {
  const answer = await admin.post(path, body);
  assert.equal(answer.statusCode, 303, `${path}: ${wordsOf(answer.body)} ${JSON.stringify(body)}`);
}

async function create(around: Around, n: number): Promise<string> {
  const before = await keysOf(around);
  const path = `/${around.resource.slug}/new`;
  const shown = formOf(await page(around.admin, path), 'record-form');
  await post(around.admin, path, { ...shown, ...(await typedRecord(around, n)) });
  const made = (await keysOf(around)).filter((key) => !before.includes(key));
  assert.equal(made.length, 1, `${path} made one record`);
  return made[0] as string;
}

async function select({ admin, resource }: Around, keys: readonly string[]): Promise<string> {
  const answer = await admin.post(`/${resource.slug}/selection`, { _do: 'add', key: keys });
  const id = /_s=([0-9a-f-]{36})/.exec(String(answer.headers.location ?? answer.body))?.[1];
  assert.ok(id, `selecting was answered ${answer.statusCode}: ${wordsOf(answer.body)}`);
  return id;
}

async function launch(
  around: Around,
  path: string,
  keys: readonly string[],
  body: Typed,
): Promise<void> {
  const full = `/${around.resource.slug}/${path}?_s=${await select(around, keys)}`;
  const answer = await around.admin.post(
    full,
    { _op: await openAs(around.admin, full), ...body },
    { accept: 'application/json' },
  );
  assert.ok(
    [200, 202].includes(answer.statusCode),
    `${full} ${JSON.stringify(body)}: ${answer.statusCode} ${answer.body.slice(0, 500)}`,
  );
  assert.equal(answer.json().state, 'succeeded', answer.body);
}

async function looks(around: Around): Promise<void> {
  const { admin, resource } = around;
  const list = await page(admin, `/${resource.slug}`);
  for (const { name } of resource.columns) {
    for (const sort of [name, `-${name}`]) {
      const { statusCode, body } = await admin.get(`/${resource.slug}?_sort=${sort}`);
      assert.ok(
        statusCode === 200 || (statusCode === 422 && body.includes('cannot be sorted by')),
        `sorted by ${sort}: ${wordsOf(body)}`,
      );
    }
  }
  assert.equal(
    list.includes(`/${resource.slug}/new`),
    isPossible(resource.model, 'create'),
    'a way to make one',
  );
  if (emptied.includes(resource.model.name)) return;
  assert.equal(/name="key"/.test(list), isPossible(resource.model, 'bulk-update'), 'ticks');
}

async function works(around: Around): Promise<void> {
  const { admin, resource } = around;
  const { model } = resource;
  const keys = await keysOf(around);
  for (const key of [keys[0], keys.at(-1), keys[Math.floor(keys.length / 2)]]) {
    if (key === undefined) continue;
    await page(admin, pathOf(around, key));
    if (!isPossible(model, 'update')) continue;
    const before = await imageOf(around, key);
    await post(
      admin,
      pathOf(around, key, '/edit'),
      formOf(await page(admin, pathOf(around, key, '/edit')), 'record-form'),
    );
    assert.deepEqual(
      await imageOf(around, key),
      before,
      `${key}: what was not touched is as it was`,
    );
    await page(admin, pathOf(around, key, '/delete'));
  }
  if (!isPossible(model, 'create')) return;
  const made = [await create(around, 0), await create(around, 1)];
  await changes(around, made);
  await launch(around, 'bulk-delete', made.slice(0, 1), { acknowledge: 'yes' });
  await post(admin, pathOf(around, made[1] as string, '/delete'), {});
  assert.deepEqual(await keysOf(around), emptied.includes(model.name) ? [] : keys);
}

/** Every field, by the form and in bulk. */
async function changes(around: Around, made: readonly string[]): Promise<void> {
  const { admin, resource } = around;
  const [first, second] = made as [string, string];
  for (const field of resource.form) {
    if (
      field.meta.isId ||
      field.relation ||
      field.meta.foreignKeyOf ||
      field.meta.isList ||
      isGiven(around, field)
    )
      continue;
    const shown = formOf(await page(admin, pathOf(around, first, '/edit')), 'record-form');
    const text = field.meta.type === 'Boolean' ? 'false' : typedText(field, 85);
    await post(admin, pathOf(around, first, '/edit'), { ...shown, [field.name]: text });
    const after = formOf(await page(admin, pathOf(around, first, '/edit')), 'record-form')[
      field.name
    ];
    const expected =
      field.meta.type === 'Json'
        ? `{\r\n  "n": 85\r\n}`
        : field.meta.type === 'Decimal'
          ? /^85\.50*$/
          : text;
    if (expected instanceof RegExp) assert.match(after?.at(-1) ?? '', expected);
    else assert.equal(after?.at(-1), expected, `${field.name} is saved`);
  }
  for (const field of resource.bulkFields.filter(
    ({ relation, meta }) => !relation && !meta.isList,
  )) {
    if (isGiven(around, field)) continue;
    const text = typedText(field, 87);
    await launch(around, 'bulk-edit', made, {
      field: field.name,
      [`change.${field.name}`]: 'set',
      [`value.${field.name}`]: text,
    });
    const column = JSON.parse(field.meta.column as string);
    assert.deepEqual(
      (await imageOf(around, first))[column],
      (await imageOf(around, second))[column],
      `${field.name} is set in bulk`,
    );
  }
}

async function isOnlyLookedAt(around: Around): Promise<void> {
  const { admin, resource, app } = around;
  const count = async () =>
    (await app.db.pages.query(`select 1 from ${resource.model.table}`)).rowCount;
  const before = await count();
  for (const path of ['new', 'bulk-edit', 'bulk-delete', '1/edit', '1/delete']) {
    for (const answer of [
      await admin.get(`/${resource.slug}/${path}`),
      await admin.post(`/${resource.slug}/${path}`),
    ]) {
      assert.ok([403, 404, 422].includes(answer.statusCode), `${path}: ${answer.statusCode}`);
    }
  }
  assert.equal(await count(), before);
}

test('every model of the torture schema has working pages', async (t: TestContext) => {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await app.signIn('admin');
  for (const name of emptied)
    await app.db.pages.query(
      `delete from ${tortureAdmin.resources.find(({ model }) => model === name)?.metadata.models[name]?.table}`,
    );
  for (const resource of app.context.registry.listFor(admin.principal)) {
    await t.test(resource.model.name, async () => {
      const around = { app, admin, resource };
      await looks(around);
      if (resource.model.idFields.length > 0) await works(around);
      if (!isPossible(resource.model, 'update')) await isOnlyLookedAt(around);
    });
  }
});

test('links of every many-to-many relation are made by the form and in bulk on the side that they belong to', async (t) => {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await app.signIn('admin');
  const { client } = app.context.registry;
  let count = 0;
  for (const resource of app.context.registry.listFor(admin.principal)) {
    for (const field of resource.form.filter(({ relation }) => relation?.kind === 'many-to-many')) {
      const around = { app, admin, resource };
      const [key = ''] = await keysOf(around);
      const related = resource.related(field.relation?.model ?? '') as Resource;
      const keys = await keysOf({ app, admin, resource: related });
      const [first = '', second = ''] = keys.slice(-2).map((one) => keyToUrl(related.model, one));
      // Prisma is asked from both ends: it knows which is which.
      const linked = async () => {
        const back = field.relation?.opposite as string;
        const rows = await delegateOf(client, related.model).findMany({
          where: { [back]: { some: whereKeys(resource.model, [key]) } },
          select: Object.fromEntries(related.model.idFields.map((name) => [name, true])),
        });
        const row = await delegateOf(client, resource.model).findFirst({
          where: whereKeys(resource.model, [key]),
          select: {
            [field.name]: {
              select: Object.fromEntries(related.model.idFields.map((name) => [name, true])),
            },
          },
        });
        const ids = (found: unknown) =>
          (found as Record<string, unknown>[])
            .map((one) => keyToUrl(related.model, keyOf(related.model, one)))
            .sort();
        assert.deepEqual(
          ids(row?.[field.name]),
          ids(rows),
          `${resource.model.name}.${field.name} from both ends`,
        );
        return ids(rows);
      };
      const shown = formOf(await page(admin, pathOf(around, key, '/edit')), 'record-form');
      await post(admin, pathOf(around, key, '/edit'), { ...shown, [field.name]: ['', first] });
      assert.deepEqual(await linked(), [first], `${resource.model.name}.${field.name} by the form`);
      const body = {
        field: field.name,
        [`change.${field.name}`]: 'add',
        [`value.${field.name}`]: [second],
      };
      await launch(around, 'bulk-edit', [key], body);
      assert.deepEqual(
        await linked(),
        [first, second].sort(),
        `${resource.model.name}.${field.name} in bulk`,
      );
      await launch(around, 'bulk-edit', [key], { ...body, [`change.${field.name}`]: 'remove' });
      assert.deepEqual(
        await linked(),
        [first],
        `${resource.model.name}.${field.name} taken away in bulk`,
      );
      assert.ok(
        (await page(admin, pathOf(around, key))).includes(related.slug),
        'the record shows where it leads',
      );
      count += 1;
    }
  }
  assert.ok(count >= 12, `${count} relations were tried`);
});

test('a form says required of what must be given, and of nothing that has a default or may be an empty list', async (t) => {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await app.signIn('admin');
  const around = (model: string) => {
    const resource = app.context.registry.list.find(
      (candidate) => candidate.model.name === model,
    ) as Resource;
    return { app, admin, resource };
  };
  const required = async (path: string) =>
    [
      ...(await page(admin, path)).matchAll(
        /<label[^>]*for="field-(\w+)"[^>]*>[^<]*<span[^>]*>required/g,
      ),
    ].map(([, name]) => name);
  assert.deepEqual(await required(`/${around('ScalarList').resource.slug}/new`), ['name']);
  const enrollments = around('Enrollment');
  assert.deepEqual(await required(`/${enrollments.resource.slug}/new`), ['person', 'course']);
  const [key = ''] = await keysOf(enrollments);
  assert.ok((await required(pathOf(enrollments, key, '/edit'))).includes('enrolledAt'));
});
