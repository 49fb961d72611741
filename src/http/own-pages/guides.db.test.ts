import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AdminDefinition, defineAdmin } from '../../admin-definition.ts';
import { loadModule } from '../../cli/project/load-module.ts';
import type { PageDefinition } from '../../pages/define-page.ts';
import { testApp } from '../../testing/app.ts';
import { openShop, shopFolder } from '../../testing/shop.ts';

/** The first example of a guide in a language. */
async function exampleOf(guide: string, language: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, `../../../docs/${guide}.md`), 'utf8');
  const [, code] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(text) ?? [];
  assert.ok(code, `${guide} shows ${language}`);
  return code;
}

/** What the guides take as there. */
const given = Symbol.for('bulkhead.guides');
const head = `const { createClient, resources } = (globalThis as never as Record<symbol, any>)[Symbol.for('bulkhead.guides')];\n`;

test('what the guides to pages, the look and plugins show runs over the shop', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-guides-'));
  const notes = createServer((_, response) => response.end('First line\nSecond <line>'));
  t.after(async () => {
    notes.close();
    await rm(folder, { recursive: true });
  });
  await once(notes.listen(0, '127.0.0.1'), 'listening');
  const address = `http://127.0.0.1:${(notes.address() as AddressInfo).port}/notes.txt`;
  const files = {
    'pages.ts': await exampleOf('pages-of-your-own', 'ts'),
    'views/revenue/show.eta': await exampleOf('pages-of-your-own', 'html'),
    'bulkhead.config.ts': head + (await exampleOf('look', 'ts')),
    'admin.css': await exampleOf('look', 'css'),
    'plugin.ts': head + (await exampleOf('extending', 'ts')),
    'release-notes.eta': '<% for (const line of it.lines) { %><p><%= line %></p><% } %>',
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await cp(join(shopFolder, 'logo.svg'), join(folder, 'logo.svg'));

  const { db, signIn } = await testApp(t, {
    content: 'empty',
    async admin(connectionString) {
      const shop = await openShop(connectionString);
      Object.assign(globalThis, { [given]: shop });
      const read = async (name: string) => (await loadModule(join(folder, name))) as object;
      const { default: look } = (await read('bulkhead.config.ts')) as { default: AdminDefinition };
      const { releaseNotes } = (await read('plugin.ts')) as {
        releaseNotes(url: string): NonNullable<AdminDefinition['plugins']>[number];
      };
      const { revenue } = (await read('pages.ts')) as { revenue: PageDefinition };
      return defineAdmin({
        ...shop,
        schedules: [],
        ...look,
        plugins: [releaseNotes(address)],
        pages: [revenue],
        definition: pathToFileURL(join(folder, 'bulkhead.config.ts')).href,
      });
    },
  });
  await db.pages.query(
    `update bulkhead."user" set roles = '{admin,accounting}' where email like 'admin@%'`,
  );
  const admin = await signIn('admin');
  const year = new Date().getUTCFullYear();
  const { rows } = await db.pages.query<{ total: string }>(
    `select sum(total_cents)::text as total from shop."order"
     where deleted_at is null and placed_at >= $1 and placed_at < $2`,
    [new Date(Date.UTC(year, 0)), new Date(Date.UTC(year + 1, 0))],
  );
  const page = await admin.get(`/revenue/${year}`);
  assert.equal(page.statusCode, 200);
  assert.match(page.body, new RegExp(`<h1>Revenue of ${year}</h1>`));
  assert.match(page.body, new RegExp(`tabular-nums">${rows[0]?.total}<`));
  assert.equal((await (await signIn('editor')).get(`/revenue/${year}`)).statusCode, 404);

  const released = await admin.get('/release-notes');
  assert.match(released.body, /<p>First line<\/p><p>Second &lt;line&gt;<\/p>/);
  assert.ok(released.body.includes(`Notes: ${address}`));

  const [, sheet = ''] = /href="([^"]*admin\.css[^"]*)"/.exec(page.body) ?? [];
  assert.equal((await admin.get(sheet)).body, files['admin.css']);
  const [, logo = ''] = /src="([^"]*logo\.svg[^"]*)"/.exec(page.body) ?? [];
  assert.equal((await admin.get(logo)).statusCode, 200);
});
