import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import {
  type Client,
  DefinitionError,
  defineResource,
  type FieldKind,
  type FieldOptions,
  kinds,
} from '../../index.ts';
import { buildRegistry } from '../../resources/registry.ts';
import { testApp } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const control = `<span class="join"><span class="join-item unit"><%= it.data.unit %></span>
<input class="input join-item<%= it.isSmall ? ' input-sm' : '' %>" type="text" value="<%= it.value %>" <%~ it.attributes %>></span>`;
const cell = `<b class="people" title="<%= it.data.exact %>"><%= it.text %></b>`;

/** Files of a project, far from ours. */
async function filesOf(
  t: TestContext,
  files: Record<string, string>,
): Promise<(name: string) => URL> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-views-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return (name) => pathToFileURL(join(folder, name));
}

function peopleOf(file: (name: string) => URL): FieldKind {
  return {
    ...kinds.integer,
    name: 'people',
    format: (value) => ({
      text: value === null || value === undefined ? '' : `${value} people`,
      align: 'end',
    }),
    control: {
      view: file('control.eta'),
      data: ({ text, field }) => ({ unit: `<${field.name} ${text}>` }),
    },
    cell: {
      view: file('cell.eta'),
      data: ({ value, text }) => ({ exact: `${value} is "${text}"` }),
    },
  };
}

async function setUp(
  t: TestContext,
  files: Record<string, string>,
  options: Partial<FieldOptions> = {},
  notes: Partial<FieldOptions> = {},
) {
  const kind = peopleOf(await filesOf(t, files));
  const cities = defineResource(metadata, 'City', {
    columns: ['name', 'population', 'rating'],
    form: ['name', 'population', 'rating', 'notes'],
    bulk: { fields: options.readOnly ? ['rating'] : ['population', 'rating'] },
    fields: {
      notes: {
        kind: {
          ...kinds.text,
          name: 'own-text',
          control: kind.control as FieldKind['control'] & object,
        },
        ...notes,
      },
      population: { kind, ...options },
      rating: { label: 'Of "5"', kind: { ...kind, toSql: kinds.decimal.toSql } },
    },
  });
  const app = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  });
  await insertPlaces(app.db, 3);
  return { ...app, visitor: await app.signIn('admin') };
}

const controlIn = (html: string, name: string) =>
  new RegExp(
    `<span class="join">(?:(?!<span class="join">)[\\s\\S])*?name="${name}"[^>]*></span>`,
  ).exec(html)?.[0] ?? '';

test('a kind draws its own control from a template of the project: in forms, bulk edits and the filter builder', async (t) => {
  const { visitor } = await setUp(
    t,
    { 'control.eta': control, 'cell.eta': cell },
    { help: 'Of the last census.' },
  );
  const edit = (await visitor.get('/cities/2/edit')).body;
  const shown = controlIn(edit, 'population');
  assert.match(
    shown,
    /unit">&lt;population 2&gt;</,
    'what it is given is escaped as everything is',
  );
  assert.match(
    shown,
    /value="2" id="field-population" name="population" aria-describedby="field-population-hint" aria-required="true">/,
  );
  assert.match(edit, /<label[^>]* for="field-population"/);
  assert.match(edit, /id="field-population-hint">Of the last census\./);
  assert.doesNotMatch(controlIn(edit, 'rating'), /aria-required|aria-invalid/);

  const form = formOf(edit, 'record-form');
  const wrong = await visitor.post('/cities/2/edit', { ...form, population: 'a "lot"' });
  assert.equal(wrong.statusCode, 422);
  const kept = controlIn(wrong.body, 'population');
  assert.match(
    kept,
    /value="a &quot;lot&quot;" .*aria-describedby="field-population-hint field-population-error" aria-required="true" aria-invalid="true">/,
  );
  assert.match(wrong.body, /id="field-population-error">Population must be a whole number\./);
  assert.equal(
    (await visitor.post('/cities/2/edit', { ...form, population: '77' })).statusCode,
    303,
  );

  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 2)}`;
  const dialog = (await visitor.get(path)).body;
  assert.match(
    controlIn(dialog, 'value.population'),
    /input-sm" type="text" value="" id="bulk-population-value" name="value.population">/,
  );
  assert.match(dialog, /<label[^>]* for="bulk-population-value"/);
  const amount = (
    await visitor.get('/cities/bulk-edit/inputs?of=population&change.population=increase')
  ).body;
  assert.match(
    controlIn(amount, 'value.population'),
    /aria-describedby="bulk-population-value-hint"/,
    'an amount to add is typed as a value is',
  );
  assert.equal(
    controlIn(
      (await visitor.get('/cities/bulk-edit/inputs?of=population&change.population=multiply')).body,
      'value.population',
    ),
    '',
  );
  const refused = await visitor.post(path, {
    _op: await openAs(visitor, path),
    field: 'population',
    'change.population': 'set',
    'value.population': 'many',
  });
  assert.match(controlIn(refused.body, 'value.population'), /value="many" .*aria-invalid="true"/);

  const builder = (await visitor.get('/cities/filter?population-between=5..9')).body;
  assert.match(
    controlIn(builder, 'v.1'),
    /value="5" id="value-1-0" name="v.1" aria-label="Population: From">/,
  );
  assert.match(
    controlIn((await visitor.get('/cities/filter?rating-min=5')).body, 'v.1'),
    / aria-label="Of &quot;5&quot;: Value"/,
  );
  const span = (
    await visitor.get(
      '/cities/filter?population-min=x&_form=1&p.1=population&w.1=population&o.1=min&v.1=x&_do=apply',
    )
  ).body;
  assert.match(
    controlIn(span, 'v.1'),
    /value="x" .*aria-describedby="error-1" aria-invalid="true"/,
  );
});

test('a kind draws its own cell in lists and on the page of a record; nothing stays nothing', async (t) => {
  const { visitor } = await setUp(t, { 'control.eta': control, 'cell.eta': cell });
  const drawn = '<b class="people" title="2 is &quot;2 people&quot;">2 people</b>';
  const list = (await visitor.get('/cities')).body;
  assert.ok(
    list.includes(drawn),
    list.slice(list.indexOf('<tbody'), list.indexOf('<tbody') + 3_000),
  );
  const show = (await visitor.get('/cities/2')).body;
  assert.ok(show.includes(drawn));
  assert.equal(
    list.match(/<b class="people"/g)?.length,
    3,
    'a rating that is not there draws none',
  );
});

test('a field that is only shown has no control of its own but a disabled one as any, and a secret is typed unseen', async (t) => {
  const { visitor } = await setUp(
    t,
    { 'control.eta': control, 'cell.eta': cell },
    { readOnly: true },
    { secret: true },
  );
  const edit = (await visitor.get('/cities/2/edit')).body;
  assert.deepEqual([controlIn(edit, 'population'), controlIn(edit, 'notes')], ['', '']);
  assert.match(edit, /id="field-notes" name="notes" type="password"/);
  assert.match(edit, /<input[^>]* id="field-population" type="text" value="2 people" disabled/);
});

test('a template that fails for a value, or sends nothing, takes no page away: the usual control and the text are there, and the log is told once', async (t) => {
  const failing = {
    'control.eta': '<i<% if (it.value !== "2") { %> <%~ it.attributes %><% } %>></i>',
    'cell.eta': '<i><%= it.text === "2 people" ? it.data.exct : "" %></i>',
  };
  const { visitor, app } = await setUp(t, failing);
  const logLines: string[] = [];
  const logged = app.log.error.bind(app.log);
  app.log.error = ((given: { view?: string }, ...rest: [string]) => {
    logLines.push(String(given.view));
    logged(given, ...rest);
  }) as typeof app.log.error;
  const edit = await visitor.get('/cities/2/edit');
  assert.equal(edit.statusCode, 200);
  assert.match(
    edit.body,
    /<input class="input w-full tabular-nums"\s+id="field-population" name="population" type="text"/,
  );
  for (const _ of ['once', 'twice'])
    assert.match((await visitor.get('/cities')).body, />2 people</);
  assert.ok(!edit.body.includes('<i>'));
  assert.deepEqual(
    logLines.map((view) => view.split('/').at(-1)),
    ['control.eta', 'cell.eta'],
  );
});

/** A template of a control, and what is said of it after its name. */
const drawn: readonly [template: string, said: string][] = [
  [
    '<i <%~ it.attributes %>>\n<%= it.data.unti %></i>',
    ', line 2: there is no it.data.unti. Did you mean "unit"?',
  ],
  ['<i <%~ it.atributes %>></i>', ', line 1: there is no it.atributes. Did you mean "attributes"?'],
  ['<%= it.data.of.peopel %>', ', line 1: there is no it.data.of.peopel. Did you mean "people"?'],
  ['\n<%= valeu %>', ', line 2: valeu is not defined'],
  ['<%= it.data.of[7] %>', ', line 1: there is no it.data.of.7.'],
  ['<%= undefined %>', ', line 1: it would write "undefined".'],
  ['<%~ ICON("pensil") %>', ', line 1: lucide has no icon "pensil".'],
  ['<%~ include("./none.eta") %>', `, line 1: Template './none.eta' is not in the views directory`],
  [
    '<input name="population">',
    ' does not write <%~ it.attributes %>, so what is typed would not be sent.',
  ],
  [
    '<i <%~ it.isSmall ? "" : it.attributes %>></i>',
    ' does not write <%~ it.attributes %>, so what is typed would not be sent.',
  ],
  [' \n', ' is empty.'],
];

test('a template that is not there, cannot be read or drawn, or sends nothing, refuses the start in a sentence', async (t) => {
  const file = await filesOf(t, {
    'good.eta': '<i <%~ it.attributes %>><%= it.data.unit %></i>',
    'cell.eta': '<i><%= it.text %></i>',
    'bad.eta': '<% if (it.value { %>',
    ...Object.fromEntries(drawn.map(([text], index) => [`drawn-${index}.eta`, text])),
  });
  const data = () => ({ unit: '€', of: { people: 7 } });
  const problemsOf = (own: object) => {
    const definition = {
      metadata,
      model: 'City',
      options: { fields: { population: { kind: { ...kinds.integer, ...own } } } },
    };
    try {
      buildRegistry([definition as never], () => ({}) as Client, new pg.Pool(), {
        minAsyncRecords: 20,
        parallelism: 1,
        chunkSize: 1_000,
      });
      return [];
    } catch (error) {
      assert.ok(error instanceof DefinitionError, String(error));
      return error.problems;
    }
  };
  const at = 'Resource City, fields.population.kind';
  assert.deepEqual(
    problemsOf({
      control: { view: file('good.eta'), data },
      cell: { view: file('cell.eta') },
    }),
    [],
  );
  assert.match(
    problemsOf({ control: { view: file('none.eta') } }).join('\n'),
    new RegExp(`^${at}\\.control: there is no template /.*/none\\.eta\\.$`),
  );
  assert.match(
    problemsOf({ cell: { view: file('bad.eta') } }).join('\n'),
    new RegExp(`^${at}\\.cell: the template /.*/bad\\.eta cannot be read: Bad template syntax\\.$`),
  );
  const shape = `${at}.control: must be { view: new URL('./money.eta', import.meta.url), data }.`;
  for (const control of [
    './money.eta',
    null,
    { view: './money.eta' },
    { view: new URL('https://example.com/money.eta') },
  ])
    assert.deepEqual(problemsOf({ control }), [shape]);
  assert.deepEqual(problemsOf({ control: { view: file('good.eta'), data: {} } }), [
    `${at}.control: must have a function for its \`data\`, or none.`,
  ]);
  for (const [index, [, said]] of drawn.entries()) {
    const view = file(`drawn-${index}.eta`);
    const [problem] = problemsOf({ control: { view, data } });
    assert.equal(problem, `${at}.control: the template ${fileURLToPath(view)}${said}`);
  }
  const cell = { view: file('drawn-0.eta'), data };
  assert.match(
    problemsOf({ cell }).join('\n'),
    /cell: the template .*, line 1: there is no it\.attributes\.$/,
  );
  const ofData = (own: () => unknown) =>
    problemsOf({ control: { view: file('good.eta'), data: own } }).join('\n');
  assert.equal(
    ofData(() => assert.fail('down')),
    `${at}.control: its data fails for the text "": down`,
  );
  for (const given of [null, 'text', Promise.reject(new Error('later'))])
    assert.equal(
      ofData(() => given),
      `${at}.control: its data must answer at once, with an object.`,
    );
});
