import assert from 'node:assert/strict';
import { test } from 'node:test';
import sample from './admin.ts';
import { type AdminDefinition, checkAdmin } from './admin-definition.ts';
import { checkExtensions } from './check-extensions.ts';
import { DefinitionError, defineAdmin, definePage, definePlugin, type Plugin } from './index.ts';

const page = (path: string) =>
  definePage({ path, label: 'A', view: new URL('../views/home/show.eta', import.meta.url) });

const adds = (name: string, path: string) =>
  definePlugin(name, (definition) => ({
    ...definition,
    name: `${definition.name} ${name}`,
    pages: [...(definition.pages ?? []), page(path)],
  }));

const withPlugins = (...plugins: Plugin[]) => defineAdmin({ ...sample, plugins });

test('plugins are functions of the definition, and each is given what those before it made', () => {
  const admin = defineAdmin({
    ...sample,
    pages: [page('/own')],
    plugins: [adds('one', '/one'), adds('two', '/two')],
  });
  assert.equal(admin.name, 'Gazetteer one two');
  assert.deepEqual(
    admin.pages?.map(({ options: { path } }) => path),
    ['/own', '/one', '/two'],
  );
  checkAdmin(admin);
  // A definition that is made of another does not have them applied twice.
  assert.equal(defineAdmin({ ...admin }).name, 'Gazetteer one two');
});

test('what a plugin has given wrong is said of the plugin, and nothing else is', () => {
  const admin = defineAdmin({
    ...sample,
    pages: [page('/tasks')],
    plugins: [
      adds('fine', '/fine'),
      adds('trail', '/static'),
      definePlugin('looks', (definition) => ({ ...definition, styles: ['/no.css'] })),
    ],
  });
  assert.throws(
    () => checkExtensions(admin, { list: [] }),
    (error) => {
      assert.ok(error instanceof DefinitionError);
      assert.deepEqual(error.problems, [
        'Admin, styles: there is no file /no.css. (The plugin looks has given it.)',
        'Page /tasks, path: /tasks is taken by Bulkhead itself.',
        'Page /static, path: /static is taken by Bulkhead itself. (The plugin trail has given it.)',
      ]);
      return true;
    },
  );
  const unknown = withPlugins(
    definePlugin('typo', (definition) => ({ ...definition, resorces: [] }) as AdminDefinition),
  );
  assert.throws(
    () => checkAdmin(unknown),
    /resorces is no option.*\(The plugin typo has given it\.\)/,
  );
});

test('a plugin that is none, that throws, or that gives no definition is named', () => {
  const refusals: [plugin: unknown, said: RegExp][] = [
    ['trail', /^DefinitionError: Plugin no\. 1: must be a function/],
    [
      definePlugin('trail', () => {
        throw new Error('no table');
      }),
      /Plugin trail: it fails: no table/,
    ],
    [() => undefined, /Plugin no\. 1: it returns no definition/],
    [async function later() {}, /Plugin later: it returns no definition/],
    [
      definePlugin('more', (definition) => ({ ...definition, plugins: [] })),
      /Plugin more: it gives plugins/,
    ],
  ];
  for (const [plugin, said] of refusals) assert.throws(() => withPlugins(plugin as Plugin), said);
  assert.throws(() => defineAdmin({ ...sample, plugins: 7 as never }), /plugins: must be a list/);
  assert.throws(() => checkAdmin({ ...sample, plugins: [] }), /are applied by defineAdmin/);
});
