import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { buildApp } from '../../app.ts';
import { checkExtensions } from '../../check-extensions.ts';
import { DefinitionError } from '../../index.ts';
import { testApp } from '../../testing/app.ts';
import { keptLog } from '../../testing/kept-log.ts';
import { insertPlaces } from '../../testing/places.ts';

async function projectOf(t: TestContext, files: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-look-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const definition = pathToFileURL(join(folder, 'bulkhead.config.ts')).href;
  return { folder, definition };
}

async function site(
  t: TestContext,
  files: Record<string, string>,
  extensions: Partial<AdminDefinition>,
  env: Record<string, string> = {},
) {
  const { folder, definition } = await projectOf(t, files);
  const admin = { ...sample, schedules: [], definition, ...extensions };
  const lines: string[] = [];
  const found = await testApp(t, { content: 'empty', admin, env });
  await insertPlaces(found.db, 2);
  // The same app, with a log that is read.
  const app = await buildApp({
    admin,
    config: found.config,
    context: { ...found.context, log: keptLog('error', lines) },
  });
  t.after(() => app.close());
  const { cookie } = await found.signIn('admin');
  const get = (url: string) => app.inject({ url, headers: { cookie } });
  return { app, folder, get, lines };
}

test('a template of the project stands in place of ours, and may have ours within it', async (t) => {
  const { get } = await site(
    t,
    {
      'views/records/show.eta':
        "<b id='own'>mine</b><%~ include('/bulkhead/records/show', it) %><i><%~ include('../notes/_note') %></i>",
      'views/notes/_note.eta': 'a note',
      'views/home/show.eta': "<h1>Welcome</h1><%~ include('/notes/_note') %>",
    },
    { views: './views' },
  );
  const city = (await get('/cities/1')).body;
  assert.match(city, /<b id='own'>mine<\/b>[\s\S]*record-layout[\s\S]*<i>a note<\/i>/);
  assert.match((await get('/countries/ESP')).body, /<b id='own'>mine/);
  assert.match((await get('/')).body, /<h1>Welcome<\/h1>a note/);
});

test('a template below a slug stands in place of ours for that resource alone', async (t) => {
  const { get } = await site(
    t,
    {
      'views/cities/list/_table.eta': '<table id="own"></table>',
      'views/list/_table.eta': '<table id="all"></table>',
    },
    { views: './views' },
  );
  assert.match((await get('/cities')).body, /<table id="own">/);
  assert.match((await get('/countries')).body, /<table id="all">/);
});

test('a template in place of ours that fails is told of once, and ours is shown', async (t) => {
  const { get, lines, folder } = await site(
    t,
    {
      'views/records/show.eta': '<%= it.nothing.at.all %>',
      'views/home/show.eta': '<% if ( %>',
      'views/list/_pager.eta': "<%~ include('/bulkhead/list/_pagr', it) %>",
    },
    { views: './views' },
  );
  assert.match((await get('/cities/1')).body, /record-layout/);
  assert.match((await get('/cities/1')).body, /record-layout/);
  assert.match((await get('/')).body, /resource-cards/);
  assert.equal((await get('/cities')).statusCode, 200);
  const logged = lines.join('');
  for (const file of ['records/show', 'home/show', 'list/_pager'])
    assert.equal(logged.split(`"view":"${folder}/views/${file}.eta"`).length, 2, file);
  assert.match(logged, /a template in place of ours failed, so ours is shown/);
});

test('templates that stand for nothing are refused', async (t) => {
  const { context } = await testApp(t, { content: 'empty' });
  const refusals: [file: string, said: RegExp][] = [
    [
      'records/shwo',
      /views: records\/shwo.eta stands for none of ours. Did you mean "records\/show"/,
    ],
    ['cites/list/_table', /there is no resource at \/cites. Did you mean "cities"/],
    ['cities/list/_tabel', /there is no list\/_tabel. Did you mean "list\/_table"/],
  ];
  for (const [name, said] of refusals) {
    const { definition } = await projectOf(t, { [`views/${name}.eta`]: 'x' });
    assert.throws(
      () => checkExtensions({ definition, views: './views' }, context.registry),
      (error) => error instanceof DefinitionError && said.test(error.message),
      name,
    );
  }
  const { definition } = await projectOf(t, {});
  const of = (given: object) => () => checkExtensions({ definition, ...given }, context.registry);
  assert.throws(of({ views: './views' }), /views: there is no template in \/.*\/views/);
  assert.throws(
    () => checkExtensions({ views: './views' }, context.registry),
    /begins at the file of the admin, which is not known: say definition: import.meta.url/,
  );
});

test('style sheets of the project are loaded after ours, at addresses that are good for ever', async (t) => {
  const { app, get } = await site(
    t,
    {
      'admin.css': '.btn { color: red; }',
      'look/admin.css': '.b { }',
      'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    },
    { styles: ['./admin.css', './look/admin.css'], logo: './logo.svg' },
    { BULKHEAD_PREFIX: '/back' },
  );
  const { body, headers } = await get('/back/');
  const sheets = [...body.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(
    ([, href]) => href ?? '',
  );
  assert.match(
    sheets.join(' '),
    /build\/styles\.css\?v=\S+ \/back\/static\/own\/0\/admin\.css\?v=\S+ \/back\/static\/own\/1\/admin\.css\?v=\S+$/,
  );
  assert.match(String(headers['content-security-policy']), /style-src 'self'/);
  const sheet = await app.inject(sheets[1] ?? '');
  assert.equal(sheet.body, '.btn { color: red; }');
  assert.equal(sheet.headers['content-type'], 'text/css; charset=utf-8');
  assert.match(String(sheet.headers['cache-control']), /immutable/);
  const stale = await app.inject('/back/static/own/0/admin.css?v=other');
  assert.equal(stale.headers['cache-control'], 'no-cache');
  const [, logo = ''] = /<img class="mark" src="([^"]+)" alt="">/.exec(body) ?? [];
  assert.equal((await app.inject(logo)).headers['content-type'], 'image/svg+xml');
  assert.match((await app.inject('/back/sign-in')).body, /<img class="mark"/);
});

test('style sheets and logos are sent whatever their files are called', async (t) => {
  const names = ['my style.css', 'größe.css', 'a%b.css', 'a*b.css', 'a:b?c#d.css', '日.css'];
  const files = Object.fromEntries(
    names.map((name) => [`./${name}`, `.btn { content: '${name}' }`]),
  );
  const { app, get } = await site(
    t,
    { ...files, 'our mark.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>' },
    { styles: Object.keys(files), logo: './our mark.svg' },
  );
  const { body } = await get('/');
  const sheets = [...body.matchAll(/rel="stylesheet" href="([^"]+own[^"]+)"/g)];
  assert.equal(sheets.length, names.length);
  for (const [index, [, href = '']] of sheets.entries()) {
    const sheet = await app.inject(href);
    assert.deepEqual([sheet.statusCode, sheet.body], [200, files[`./${names[index]}`]], href);
    assert.match(String(sheet.headers['cache-control']), /immutable/, href);
  }
  const [, logo = ''] = /<img class="mark" src="([^"]+)"/.exec(body) ?? [];
  assert.equal((await app.inject(logo)).statusCode, 200);
});

test('style sheets and logos that cannot be sent are refused', async (t) => {
  const { context } = await testApp(t, { content: 'empty' });
  const { definition } = await projectOf(t, { 'a.txt': '', 'a.css': '' });
  const of = (given: object) => () => checkExtensions({ definition, ...given }, context.registry);
  assert.throws(
    of({ styles: ['./b.css'] }),
    /^DefinitionError: Admin, styles: there is no file \/.*b\.css\./,
  );
  assert.throws(of({ styles: ['./a.txt'] }), /must end with \.css\./);
  assert.throws(of({ styles: './a.css' }), /must be a list of files/);
  assert.throws(of({ styles: [7] }), /must be the path of a file/);
  assert.throws(of({ logo: './a.css' }), /Admin, logo: .* must end with \.svg, \.png/);
  of({ styles: ['./a.css'] })();
});
