import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { knownZones, zoneNamed } from '../fields/time-zone.ts';
import { getFieldKind } from '../fields/register.ts';
import { limits, limitTexts } from '../limits.ts';
import { testApp } from '../testing/app.ts';
import { testField } from '../testing/field.ts';
import { insertPlaces } from '../testing/places.ts';

const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

test('one more than a form may hold is refused before anything is done, and says the limit', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 2);
  const visitor = await signIn('admin');
  // The token is a field too.
  const fields = (count: number) => Object.fromEntries(numbered(count - 1).map((name) => [`junk${name}`, name]));
  const table: [what: string, body: Record<string, string | string[]>, message: string | null][] = [
    ['as many fields as may be', fields(limits.formFields), null],
    ['one field more', fields(limits.formFields + 1), limitTexts.formFields],
    ['as many values as may be', { tags: numbered(limits.valuesOfField) }, null],
    ['one value more', { tags: numbered(limits.valuesOfField + 1) }, limitTexts.valuesOfField('tags')],
    ['one value more of what no form has', { junk: numbered(limits.valuesOfField + 1) }, limitTexts.valuesOfField('junk')],
  ];
  for (const [what, body, message] of table) {
    for (const path of ['/cities/1/edit', '/cities/selection', '/tasks/1/undo']) {
      const answer = await visitor.post(path, body, { accept: 'application/json' });
      if (message === null) assert.doesNotMatch(answer.body, /too-much/, `${what} ${path}`);
      else assert.deepEqual([answer.statusCode, answer.json().message], [422, message], `${what} ${path}`);
    }
  }
  const page = await visitor.post('/cities/1/edit', { tags: numbered(limits.valuesOfField + 1) });
  assert.equal(page.statusCode, 422);
  assert.match(page.body, /has more than 5,000 values/);
});

test('a list that is typed has a limit', () => {
  const field = testField('String', 'text[]', { isList: true });
  const parse = (count: number) => getFieldKind(field).parse(numbered(count).join('\n'), field);
  assert.ok('value' in parse(limits.listValues));
  assert.deepEqual(parse(limits.listValues + 1), { error: limitTexts.listValues(field.label) });
});

test('a zone is one zone, however it is spelt', () => {
  const before = knownZones();
  for (let n = 0; n < 2 ** 12; n++) {
    const spelt = [...'europe/madrid'].map((letter, at) => ((n >> at) & 1 ? letter.toUpperCase() : letter)).join('');
    assert.equal(zoneNamed(spelt), 'Europe/Madrid');
  }
  assert.ok(knownZones() <= before + 1);
  for (const none of ['', 'Nowhere', 'Europe/', 'x'.repeat(65)]) assert.equal(zoneNamed(none), null);
});

test('a connection that says nothing, or goes on for ever, is ended', async (t) => {
  const { config, context } = await testApp(t);
  const app = await buildApp({ admin, config, context });
  t.after(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  assert.deepEqual([app.server.timeout, app.server.requestTimeout], [limits.silentMs, limits.silentMs]);
  // The same server, with less patience.
  app.server.setTimeout(200);
  const { port } = app.server.address() as { port: number };
  const silent = connect(port, '127.0.0.1');
  await new Promise<void>((done) =>
    silent
      .on('close', () => done())
      .on('error', () => undefined)
      .resume(),
  );
});
