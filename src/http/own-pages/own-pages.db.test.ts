import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { checkExtensions } from '../../check-extensions.ts';
import {
  AppError,
  type Client,
  DefinitionError,
  definePage,
  defineResource,
  type PageOptions,
} from '../../index.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

/** Templates of a project, and the address of the file that its admin would stand in. */
async function projectOf(t: TestContext, templates: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-pages-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(templates)) {
    const file = join(folder, 'views', `${name}.eta`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return { definition: pathToFileURL(join(folder, 'bulkhead.config.ts')).href, views: './views' };
}

type Counting = Client & { city: { count(of: object): Promise<number> } };

const report = {
  path: '/reports',
  label: 'Reports',
  icon: 'chart-line',
  group: 'Numbers',
  allowed: ({ roles }) => roles.includes('editor'),
  view: 'reports/show',
} satisfies PageOptions;

const others = sample.resources.filter(({ model }) => model !== 'City');
const cities = defineResource(metadata, 'City', {
  scope: ({ roles }) => (roles.includes('admin') ? {} : { population: { lte: 4 } }),
});

async function site(t: TestContext, pages: readonly PageOptions[], templates = {}) {
  const project = await projectOf(t, {
    'reports/show': '<p id="count"><%= it.count %></p>',
    ...templates,
  });
  const { app, signIn, db } = await testApp(t, {
    content: 'empty',
    admin: {
      ...sample,
      ...project,
      schedules: [],
      resources: [cities, ...others],
      pages: pages.map(definePage),
    },
    env: { BULKHEAD_PREFIX: '/back' },
  });
  await insertPlaces(db, 9);
  return { app, signIn };
}

test('a page is asked for what its template reads, within the row scope of who asks', async (t) => {
  const load: PageOptions['load'] = async ({ client, where, query, params, url, reader }) => ({
    title: `Places of ${params.year}`,
    lead: url('/cities'),
    count: `${await (client as Counting).city.count({ where: where('cities') })} ${query.get('q')} ${reader.timeZone}`,
  });
  const { signIn } = await site(t, [{ ...report, path: '/reports/:year', load }]);
  const editor = await signIn('editor');
  const { statusCode, body } = await editor.get('/back/reports/2026?q=<b>');
  assert.equal(statusCode, 200);
  assert.match(body, /<title>Places of 2026 · Gazetteer<\/title>/);
  assert.match(body, /<h1>Places of 2026<\/h1><p>\/back\/cities<\/p>/);
  assert.match(body, /id="count">4 &lt;b&gt; UTC</);
  assert.equal((await (await signIn('admin')).get('/back/reports/2026')).statusCode, 404);
});

test('a page stands in the navigation and on the home page of those who may open it', async (t) => {
  const load = () => ({ count: 1 });
  const { signIn } = await site(t, [
    { ...report, load },
    { ...report, load, path: '/hidden', label: 'Unlisted', hidden: true },
    { ...report, load, path: '/odd', label: 'Odd', allowed: () => 'yes' as never },
    {
      ...report,
      load,
      path: '/broken',
      label: 'Broken',
      allowed() {
        throw new Error('who knows');
      },
    },
  ]);
  const home = (await (await signIn('editor')).get('/back/')).body;
  assert.match(home, /<h2>Numbers<\/h2>\s*<ul class="nav-data"><li>\s*<a href="\/back\/reports"/);
  assert.equal(home.match(/href="\/back\/reports"/g)?.length, 2);
  assert.doesNotMatch(home, /Unlisted|Odd|Broken/);
  const editor = await signIn('editor');
  assert.match((await editor.get('/back/reports')).body, /href="\/back\/reports" aria-current/);
  assert.equal((await editor.get('/back/hidden')).statusCode, 200);
  for (const path of ['/back/odd', '/back/broken'])
    assert.equal((await editor.get(path)).statusCode, 404);
  const viewer = await signIn('viewer');
  assert.doesNotMatch((await viewer.get('/back/')).body, /Numbers/);
  assert.equal((await viewer.get('/back/reports')).statusCode, 404);
});

test('nobody who is not signed in gets a page or sends its form', async (t) => {
  const { app } = await site(t, [{ ...report, submit: () => undefined }]);
  assert.equal((await app.inject('/back/reports')).statusCode, 303);
  assert.notEqual((await app.inject({ method: 'POST', url: '/back/reports' })).statusCode, 200);
});

test('a form of a page needs our token, is shown again with what is wrong, and leads on', async (t) => {
  let sent = '';
  const page: PageOptions = {
    ...report,
    load: ({ query }) => ({ count: query.get('n') ?? '', error: '' }),
    submit({ form }) {
      sent = String(form);
      if (form.get('n') === '0') return { again: { error: 'Not none.' } };
      if (form.get('n') === '9') throw new AppError('too-many', 409, 'Nine are too many.');
      if (form.get('n') === '8') throw new Error('a fault');
      return { to: `/reports?n=${form.get('n')}`, message: 'Done.' };
    },
  };
  const { signIn } = await site(t, [page], {
    'reports/show':
      '<form method="post"><input type="hidden" name="_csrf" value="<%= it.csrf %>"><p><%= it.error %></p></form>',
  });
  const editor = await signIn('editor');
  assert.match((await editor.get('/back/reports')).body, /name="_csrf" value="[^"]{10,}"><p><\/p>/);
  assert.equal((await editor.post('/back/reports', { n: '1', _csrf: '' })).statusCode, 403);
  assert.equal(sent, '');
  const again = await editor.post('/back/reports', { n: '0' });
  assert.equal(again.statusCode, 422);
  assert.match(again.body, /<p>Not none\.<\/p>/);
  const refused = await editor.post('/back/reports', { n: '9' });
  assert.equal(refused.statusCode, 409);
  assert.match(refused.body, /Nine are too many\./);
  assert.equal((await editor.post('/back/reports', { n: '8' })).statusCode, 500);
  const led = await editor.post('/back/reports', { n: '3', m: ['1', '2'] });
  assert.deepEqual([led.statusCode, led.headers.location], [303, '/back/reports?n=3']);
  assert.equal(sent, 'n=3&m=1&m=2');
  assert.match((await editor.get('/back/reports?n=3')).body, /Done\./);
  const asked = await editor.post('/back/reports', { n: '3' }, htmx);
  assert.equal(asked.headers['hx-redirect'], '/back/reports?n=3');
  const viewer = await signIn('viewer');
  assert.equal((await viewer.post('/back/reports', { n: '5' })).statusCode, 404);
});

test('htmx is sent a page without what stands around it', async (t) => {
  const { signIn } = await site(t, [{ ...report, load: () => ({ count: 7 }) }]);
  const { body } = await (await signIn('editor')).get('/back/reports', htmx);
  assert.equal(body.trim(), '<p id="count">7</p>');
});

test('a template that fails is answered by a sentence that names it', async (t) => {
  const { signIn } = await site(
    t,
    [
      { ...report, load: () => ({ counts: 'secret-7' }) },
      { ...report, path: '/parts', view: 'reports/whole', load: () => ({ count: 1 }) },
    ],
    {
      'reports/whole':
        "<%~ include('./_part', { n: it.count }) %><%~ include('/tasks/_undone', { text: 'a & b' }) %>",
      'reports/_part': '[<%= it.n %>]',
    },
  );
  const editor = await signIn('editor');
  const failed = await editor.get('/back/reports');
  assert.equal(failed.statusCode, 500);
  assert.match(failed.body, /The template of this page, reports\/show, could not be drawn/);
  assert.doesNotMatch(failed.body, /secret-7/);
  const whole = await editor.get('/back/parts');
  assert.match(whole.body, /\[1\][\s\S]*a &amp; b/);
});

test('pages that cannot be used are refused, each with a sentence', async (t) => {
  const project = await projectOf(t, { 'reports/show': 'x' });
  const { context } = await testApp(t, { content: 'empty' });
  const of = (given: Record<string, unknown>) => () =>
    checkExtensions(
      {
        ...project,
        pages: [definePage(report), definePage({ ...report, ...given } as unknown as PageOptions)],
      },
      context.registry,
    );
  const refusals: [given: Record<string, unknown>, said: RegExp][] = [
    [{ path: '/cities' }, /^Page \/cities, path: \/cities is taken by the resource of City: give/],
    [{ path: '/cities/report' }, /taken by the resource of City/],
    [{ path: '/tasks/report' }, /^Page \/tasks\/report, path: \/tasks is taken by Bulkhead itself/],
    [{ path: '/sign-in' }, /taken by Bulkhead itself/],
    [{ path: '/reports' }, /\/reports leads to another page already/],
    [{ path: '/:all' }, /its first part must be a word, as in \/reports\/:all/],
    [{ path: 'Reports' }, /must be like \/reports/],
    [{ path: '/a', icon: 'chart-lin' }, /^Page \/a, icon: lucide has no icon "chart-lin"/],
    [{ path: '/a', label: '' }, /^Page \/a, label: must be a text/],
    [{ path: '/a', alowed: () => true }, /alowed is no option. Did you mean "allowed"\?/],
    [{ path: '/a', load: 7 }, /^Page \/a, load: must be a function/],
    [{ path: '/a', view: 'reports/shw' }, /there is no template reports\/shw.eta in the folder/],
    [{ path: '/a', view: new URL('file:///no.eta') }, /there is no template \/no.eta/],
  ];
  for (const [given, said] of refusals)
    assert.throws(
      of(given),
      (error) => error instanceof DefinitionError && said.test(error.message),
      String(said),
    );
  of({ path: '/reports/:month' })();
  assert.throws(
    () => checkExtensions({ ...project, pages: [report as never] }, context.registry),
    /Admin, pages, no. 1: is not made by definePage/,
  );
});
