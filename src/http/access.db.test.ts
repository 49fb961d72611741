import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LightMyRequestResponse, RouteOptions } from 'fastify';
import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { buildApp } from '../app.ts';
import type { Principal } from '../auth/principal.ts';
import { defineOperation, defineResource, defineTask, t } from '../index.ts';
import { actions } from '../resources/actions.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import type { Findings } from '../tasks/previewing/preview.ts';
import { htmx, testApp, type Visitor } from '../testing/app.ts';
import { ada, launchOn } from '../testing/context.ts';
import { insertPlaces, placeForm } from '../testing/places.ts';

/**
 * Every route of the router is tried by somebody whose row scope excludes the record, by somebody
 * whose scope has an `undefined` in it, and by somebody who may not see a field of it. A route
 * without an entry fails the suite.
 */
type About =
  /** One record, addressed: it is not there for who may not see it. */
  | 'record'
  /** Records, found or chosen: who may not see one learns nothing of it. */
  | 'records'
  /** A task of somebody else's: there for administrators alone. */
  | 'task'
  /** None: say why. */
  | 'no record';

interface Entry {
  about: About;
  /**
   * The address, of the record that is out of scope (`id`), or of the visitor's own selection of it
   * and another.
   */
  path: (ids: Ids) => string;
  body?: (ids: Ids) => Record<string, string | readonly string[]>;
  headers?: Record<string, string>;
  why?: string;
}

interface Ids {
  id: number;
  key: string;
  taskId: number;
  selectionId: string;
  operationId: string;
}

const cityForm = {
  name: 'Changed',
  ...placeForm,
};
const status = { field: 'status', 'value.status': 'published' };

const nobody = '00000000-0000-4000-8000-000000000000';
const operating = (path: string): Entry => ({
  about: 'no record',
  path: () => `/tasks/${path}`,
  why: 'for admins who see every task, held by overview/control.db.test.ts',
});

const table: Record<string, Entry> = {
  'GET /': { about: 'no record', path: () => '/', why: 'names resources and tasks of one’s own' },
  'GET /sign-in': { about: 'no record', path: () => '/sign-in', why: 'for everybody' },
  'POST /sign-in': {
    about: 'no record',
    path: () => '/sign-in',
    body: () => ({ email: 'x' }),
    why: 'for everybody',
  },
  'GET /first-admin': {
    about: 'no record',
    path: () => '/first-admin?token=x',
    why: 'for everybody',
  },
  'POST /first-admin': {
    about: 'no record',
    path: () => '/first-admin',
    body: () => ({ token: 'x' }),
    why: 'for everybody',
  },
  'GET /healthz': { about: 'no record', path: () => '/healthz', why: 'for everybody' },
  'GET /tasks/health': {
    about: 'no record',
    path: () => '/tasks/health',
    why: 'for admins who see every task, held by health/health-page.db.test.ts',
  },
  'GET /readyz': { about: 'no record', path: () => '/readyz', why: 'for everybody' },
  'GET /metrics': {
    about: 'no record',
    path: () => '/metrics',
    headers: { authorization: 'Bearer a token of probes' },
    why: 'for whoever has the token, held by health/probes.db.test.ts',
  },
  'GET /static/*': { about: 'no record', path: () => '/static/theme.js', why: 'for everybody' },

  'GET /:resource': { about: 'records', path: () => '/cities?_q=place' },
  'POST /:resource/selection': {
    about: 'records',
    path: () => '/cities/selection',
    body: ({ key }) => ({ _do: 'add', key }),
    headers: htmx,
  },
  'GET /:resource/options/:field': {
    about: 'records',
    path: () => '/countries/options/capitalCity?q=pl',
  },
  'GET /:resource/filter': { about: 'records', path: () => '/cities/filter?country=ESP' },
  'GET /:resource/deleted': { about: 'records', path: () => '/cities/deleted' },
  'GET /:resource/new': { about: 'records', path: () => '/cities/new' },
  'POST /:resource/new': {
    about: 'records',
    path: () => '/cities/new',
    body: () => ({ ...cityForm, population: 'many' }),
  },

  'GET /:resource/:id': { about: 'record', path: ({ id }) => `/cities/${id}` },
  'GET /:resource/:id/edit': { about: 'record', path: ({ id }) => `/cities/${id}/edit` },
  'POST /:resource/:id/edit': {
    about: 'record',
    path: ({ id }) => `/cities/${id}/edit`,
    body: () => ({ ...cityForm, population: 'many' }),
  },
  'GET /:resource/:id/edit/:field': {
    about: 'record',
    path: ({ id }) => `/cities/${id}/edit/name`,
  },
  'POST /:resource/:id/edit/:field': {
    about: 'record',
    path: ({ id }) => `/cities/${id}/edit/name`,
    body: () => ({ name: '' }),
  },
  'GET /:resource/:id/value/:field': {
    about: 'record',
    path: ({ id }) => `/cities/${id}/value/name`,
  },
  'GET /:resource/:id/history/:change/:side/:field': {
    about: 'record',
    path: ({ id }) => `/cities/${id}/history/1/before/name`,
  },
  'GET /:resource/:id/delete': { about: 'record', path: ({ id }) => `/cities/${id}/delete` },
  'POST /:resource/:id/delete': { about: 'record', path: ({ id }) => `/cities/${id}/delete` },
  'GET /:resource/:id/lock': { about: 'record', path: ({ id }) => `/cities/${id}/lock` },
  'GET /:resource/:id/history': { about: 'record', path: ({ id }) => `/cities/${id}/history` },

  'GET /:resource/bulk-edit': {
    about: 'records',
    path: ({ selectionId }) => `/cities/bulk-edit?_s=${selectionId}`,
    headers: htmx,
  },
  'GET /:resource/bulk-edit/inputs': {
    about: 'records',
    path: ({ selectionId }) => `/cities/bulk-edit/inputs?_s=${selectionId}&of=status`,
    headers: htmx,
  },
  'POST /:resource/bulk-edit': {
    about: 'records',
    path: ({ selectionId }) => `/cities/bulk-edit?_s=${selectionId}`,
    body: ({ operationId }) => ({ ...status, _op: operationId }),
  },
  'GET /:resource/bulk-delete': {
    about: 'records',
    path: ({ selectionId }) => `/cities/bulk-delete?_s=${selectionId}`,
    headers: htmx,
  },
  'POST /:resource/bulk-delete': {
    about: 'records',
    path: ({ selectionId }) => `/cities/bulk-delete?_s=${selectionId}`,
    body: ({ operationId }) => ({ acknowledge: 'yes', _op: operationId }),
  },

  'GET /:resource/do/:operation': {
    about: 'records',
    path: ({ selectionId }) => `/cities/do/mark?_s=${selectionId}`,
    headers: htmx,
  },
  'POST /:resource/do/:operation': {
    about: 'records',
    path: ({ selectionId }) => `/cities/do/mark?_s=${selectionId}`,
    body: ({ operationId }) => ({ 'form.note': 'x', _op: operationId }),
  },

  'GET /:resource/previews/:id': {
    about: 'records',
    path: ({ operationId }) => `/cities/previews/${operationId}`,
  },
  'POST /:resource/previews/:id': {
    about: 'records',
    path: ({ operationId }) => `/cities/previews/${operationId}`,
  },
  'POST /:resource/previews/:id/exclusions': {
    about: 'records',
    path: ({ operationId }) => `/cities/previews/${operationId}/exclusions`,
    body: ({ key }) => ({ leftOut: key, keep: key }),
  },
  'POST /:resource/previews/:id/form': {
    about: 'records',
    path: ({ operationId }) => `/cities/previews/${operationId}/form`,
  },

  'POST /sign-out': {
    about: 'no record',
    path: () => '/sign-out',
    why: 'ends the visit, so it is tried last',
  },

  'GET /tasks': { about: 'no record', path: () => '/tasks', why: 'lists tasks of one’s own' },
  'GET /tasks/live': {
    about: 'records',
    path: ({ id, key, taskId }) =>
      `/tasks/live?bar=${taskId}.page&lock=cities/${id}&holding=cities/${id}&records=cities&row=${taskId}.${key}&list=&bell=0`,
    headers: htmx,
  },
  'GET /tasks/activity': {
    about: 'no record',
    path: () => '/tasks/activity',
    why: 'what one did oneself, held by activity/activity.db.test.ts',
  },
  'GET /tasks/overview': {
    about: 'no record',
    path: () => '/tasks/overview',
    why: 'of tasks of one’s own, held by overview/overview.db.test.ts',
  },
  ...Object.fromEntries(
    ['queues/default/pause', 'workers/1/quiet', 'workers/1/stop'].flatMap((path) =>
      ['GET', 'POST'].map((method) => [
        `${method} /tasks/${path.replace('/default/', '/:name/').replace('/1/', '/:id/')}`,
        operating(path),
      ]),
    ),
  ),
  'POST /tasks/queues/:name/resumption': operating('queues/default/resumption'),
  'POST /tasks/workers/:id/resumption': operating('workers/1/resumption'),
  'GET /tasks/running': {
    about: 'records',
    path: () => '/tasks/running?resource=cities',
    headers: htmx,
  },
  'GET /tasks/new/:name': {
    about: 'record',
    path: ({ id }) => `/tasks/new/survey?_record=${id}`,
  },
  'POST /tasks/new/:name': {
    about: 'record',
    path: ({ id }) => `/tasks/new/survey?_record=${id}`,
    body: () => ({ 'form.note': 'x' }),
  },
  'GET /tasks/schedules': {
    about: 'no record',
    path: () => '/tasks/schedules',
    why: 'for those who see every task, held by schedules/schedules-routes.db.test.ts',
  },
  'GET /tasks/audit': {
    about: 'no record',
    path: () => '/tasks/audit',
    why: 'for admins, held by audit/audit-routes.db.test.ts',
  },
  'GET /tasks/audit.csv': {
    about: 'no record',
    path: () => '/tasks/audit.csv',
    why: 'for admins, held by audit/audit-routes.db.test.ts',
  },
  'GET /tasks/notices': {
    about: 'no record',
    path: () => '/tasks/notices',
    why: 'one’s own, held by notices/notices-routes.db.test.ts',
  },
  'POST /tasks/notices/:id/reading': {
    about: 'no record',
    path: () => '/tasks/notices/1/reading',
    why: 'one’s own, held by notices/notices-routes.db.test.ts',
  },
  'GET /tasks/notices/preferences': {
    about: 'no record',
    path: () => '/tasks/notices/preferences',
    why: 'one’s own',
  },
  'POST /tasks/notices/preferences': {
    about: 'no record',
    path: () => '/tasks/notices/preferences',
    body: () => ({ 'when.message': 'as-ruled' }),
    why: 'one’s own',
  },
  'GET /tasks/deliveries': {
    about: 'no record',
    path: () => '/tasks/deliveries',
    why: 'for those who see every task, held by deliveries/deliveries-routes.db.test.ts',
  },
  'POST /tasks/deliveries/:id/sending': {
    about: 'no record',
    path: () => '/tasks/deliveries/1/sending',
    why: 'for those who see every task, held by deliveries/deliveries-routes.db.test.ts',
  },
  'POST /tasks/notices/reading': {
    about: 'no record',
    path: () => '/tasks/notices/reading',
    body: () => ({ upTo: '1' }),
    why: 'one’s own, held by notices/notices-routes.db.test.ts',
  },
  'GET /tasks/people': {
    about: 'no record',
    path: () => '/tasks/people',
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'GET /tasks/people/new': {
    about: 'no record',
    path: () => '/tasks/people/new',
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/new': {
    about: 'no record',
    path: () => '/tasks/people/new',
    body: () => ({ name: 'x' }),
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'GET /tasks/people/:id': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}`,
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}`,
    body: () => ({ name: 'x' }),
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id/password': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}/password`,
    body: () => ({ password: 'x' }),
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id/deactivation': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}/deactivation`,
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id/activation': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}/activation`,
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id/sessions/ending': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}/sessions/ending`,
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/people/:id/sessions/:session/ending': {
    about: 'no record',
    path: () => `/tasks/people/${nobody}/sessions/x/ending`,
    why: 'for admins, held by people/people-routes.db.test.ts',
  },
  'POST /tasks/schedules/:name/run': {
    about: 'no record',
    path: () => '/tasks/schedules/yearly/run',
    why: 'for those who see every task, held by schedules/schedules-routes.db.test.ts',
  },
  'POST /tasks/schedules/:name/pause': {
    about: 'no record',
    path: () => '/tasks/schedules/yearly/pause',
    why: 'for those who see every task, held by schedules/schedules-routes.db.test.ts',
  },
  'POST /tasks/schedules/:name/resumption': {
    about: 'no record',
    path: () => '/tasks/schedules/yearly/resumption',
    why: 'for those who see every task, held by schedules/schedules-routes.db.test.ts',
  },
  'GET /tasks/:id': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}` },
  'GET /tasks/:id/changes': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/changes` },
  'GET /tasks/:id/details': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/details`,
    headers: htmx,
  },
  'GET /tasks/:id/embedded': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/embedded` },
  'GET /tasks/:id/progress': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/progress` },
  'POST /tasks/:id/pause': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/pause` },
  'POST /tasks/:id/resumption': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/resumption`,
  },
  'GET /tasks/:id/chunks/:number': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/chunks/0`,
  },
  'GET /tasks/matching/:act': {
    about: 'no record',
    path: () => '/tasks/matching/cancellation?state=queued',
    why: 'names tasks that one sees, as the page of tasks does',
  },
  'POST /tasks/matching/:act': {
    about: 'no record',
    path: () => '/tasks/matching/cancellation?state=queued',
    body: () => ({ _op: 'x' }),
    why: 'launches a task that acts on those that one sees',
  },
  'GET /tasks/:id/matched': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/matched` },
  'GET /tasks/:id/row': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/row` },
  'POST /tasks/:id/time': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/time`,
    body: () => ({ at: '2030-01-31T14:30' }),
  },
  'POST /tasks/:id/acknowledgement': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/acknowledgement`,
  },
  'POST /tasks/:id/acknowledgement/withdrawal': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/acknowledgement/withdrawal`,
  },
  'GET /tasks/:id/failures': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/failures` },
  'GET /tasks/:id/failures.csv': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/failures.csv`,
  },
  'POST /tasks/:id/retry': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/retry` },
  'POST /tasks/:id/again': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/again` },
  'GET /tasks/:id/undo': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/undo` },
  'POST /tasks/:id/undo': { about: 'task', path: ({ taskId }) => `/tasks/${taskId}/undo` },
  'POST /tasks/:id/cancellation': {
    about: 'task',
    path: ({ taskId }) => `/tasks/${taskId}/cancellation`,
  },
};

/** There is a user already, and no change of the record yet. */
const isNowhere = (route: string) =>
  route.endsWith(' /first-admin') ||
  route.includes('/history/:change/') ||
  route.includes('/notices/:id/') ||
  route.includes('/deliveries/:id/') ||
  route.includes('/workers/:id/') ||
  route.includes('/tasks/people/:id') ||
  // Of no task that acts on others.
  route.endsWith('/:id/matched');

const howTo = `
Add it to the table in src/http/access.db.test.ts:
  'METHOD /route': { about: 'record' | 'records' | 'task' | 'no record', path: ({ id, key, taskId, selectionId }) => '/…', body: … }
"record": the address names one record, so whoever may not see it must get 404.
"records": it finds or takes records; what it answers may hold no trace of one that is out of scope.
"task": only its owner and administrators get anything but 404.
"no record": say in "why" whose business it is.
See "Who may see a route" in docs/pages.md.`;

/**
 * The record that is out of the first visitor's scope, and the value and field that the third may
 * not see.
 */
const outside = { id: 29, title: 'Outsiderville' };
const secret = { name: 'notes', label: 'Hushed', value: 'sekret-4711' };

const everything = () => actions;
const admin = {
  ...sample,
  resources: [
    defineResource(metadata, 'City', {
      columns: ['name', 'country', 'population', 'status', 'notes'],
      filters: ['country', 'status'],
      search: ['name', 'notes'],
      permissions: everything,
      operations: [
        defineOperation(metadata, 'City', {
          name: 'mark',
          label: 'Mark',
          icon: 'flag',
          form: { note: t.text() },
          change: () => ({ status: 'published' }),
        }),
      ],
      fields: {
        notes: {
          label: secret.label,
          see: ({ roles }) => !roles.includes('admin') || roles.includes('whole'),
        },
      },
      scope: (principal: Principal) => {
        if (principal.roles.includes('editor')) return { id: { not: outside.id } };
        if (principal.roles.includes('viewer')) return { countryCode: undefined } as never;
        return {};
      },
    }),
    defineResource(metadata, 'Country', {
      permissions: everything,
      columns: ['name', 'capitalCity', 'capitalCity.population'],
    }),
    defineResource(metadata, 'Tag', { permissions: everything }),
    defineResource(metadata, 'Language', { permissions: everything }),
  ],
  schedules: [
    defineSchedule({
      name: 'yearly',
      cron: '0 0 1 1 *',
      bulk: { resource: 'cities', operation: 'delete', filter: 'status=archived' },
    }),
  ],
  tasks: [
    defineTask({
      name: 'survey',
      params: z.object({ note: z.string() }),
      launchable: {
        on: 'record',
        resource: 'cities',
        allowed: () => true,
        form: { note: t.text({ required: true }) },
        params: ({ form }) => form,
        set: { status: 'published' },
      },
      run: () => null,
    }),
  ],
};

test('every route', async (t) => {
  const testing = await testApp(t, {
    admin,
    env: { BULKHEAD_PROBE_TOKEN: 'a token of probes' },
  });
  const { db, context, config, signIn } = testing;
  const routes: string[] = [];
  const walked = await buildApp({
    admin,
    config,
    context,
    onRoute: ({ method, url }: RouteOptions) => {
      for (const one of [method].flat())
        if (one !== 'HEAD' && one !== 'OPTIONS') routes.push(`${one} ${url}`);
    },
  });
  t.after(() => walked.close());
  await insertPlaces(db, 30);
  await db.pages.query(`update gazetteer.city set name = $1 where id = $2`, [
    outside.title,
    outside.id,
  ]);
  await db.pages.query(
    `update gazetteer.city set notes = $1, population = case id when $2 then 987654321 else population end`,
    [secret.value, outside.id],
  );
  await db.pages.query(`update gazetteer.country set capital_city_id = $1 where code = 'ESP'`, [
    outside.id,
  ]);
  // Somebody whose word is law has done something to everything, the hidden field included.
  const cities = context.registry.get('cities');
  const whole: Principal = { ...ada, roles: ['whole'] };
  const task = await launchOn(
    context,
    cities,
    { keys: [keyOf(outside.id)] },
    'update',
    { field: 'notes', 'value.notes': `${secret.value}-b` },
    whole,
  );
  await t.test('is in the table of who may see what', () => {
    const missing = [...new Set(routes)].filter((route) => !Object.hasOwn(table, route));
    assert.deepEqual(missing, [], `These routes have no entry:\n${missing.join('\n')}\n${howTo}`);
    const unexplained = Object.entries(table).filter(
      ([, { about, why }]) => (about === 'no record') !== (why !== undefined),
    );
    assert.deepEqual(unexplained, []);
  });

  const last = 'POST /sign-out';
  const entries = Object.entries(table)
    .filter(([route]) => routes.includes(route))
    .sort(([a], [b]) => Number(a === last) - Number(b === last));
  const before = await checksum();

  await t.test('shows and changes nothing of a record outside the row scope', async () => {
    const visitor = await signIn('editor');
    for (const [route, entry] of entries) {
      const answer = await send(visitor, route, entry);
      assertQuiet(route, answer);
      if (entry.about === 'record' || entry.about === 'task')
        assert.equal(answer.statusCode, 404, route);
      else assert.ok(!answer.body.includes(outside.title), `${route} names the record`);
    }
    assert.equal(await checksum(), before);
  });

  await t.test('names a record outside the row scope on no page of another', async () => {
    const visitor = await signIn('editor');
    for (const path of [
      '/countries',
      '/countries?_sort=capitalCity',
      '/countries?_sort=-capitalCity.population',
      '/countries/ESP',
      '/countries/ESP/edit',
      `/countries?capitalCity=${outside.id}`,
      `/countries?capitalCity-not=${outside.id}`,
      `/countries/options/capitalCity?q=${outside.id}`,
      `/countries/filter?capitalCity=${outside.id}`,
      '/countries/options/capitalCity?q=out',
    ]) {
      const answer = await visitor.get(path);
      assert.equal(answer.statusCode, 200, path);
      for (const hidden of [outside.title, '987654321', '987,654,321']) {
        assert.ok(
          !answer.body.includes(hidden),
          `${path} shows ${hidden}:\n${around(answer.body, hidden)}`,
        );
      }
    }
    for (const filter of [`name=${outside.title}`, 'population-min=987654321', 'name-starts=Out']) {
      const answer = await visitor.get(`/countries?capitalCity.${filter}`);
      assert.ok(
        !answer.body.includes('>Spain<'),
        `a filter on capitalCity.${filter} finds what it leads to`,
      );
    }
  });

  await t.test('leads no relation to a record outside the row scope, whoever asks', async () => {
    const visitor = await signIn('editor');
    const form = { code: 'FRA', code2: 'FR', name: 'France', region: 'Europe', area: '1' };
    const answer = await visitor.post('/countries/FRA/edit', {
      ...form,
      capitalCity: String(outside.id),
    });
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /leads to a record that does not exist/);
    assert.ok(!answer.body.includes(outside.title));
    const created = await visitor.post('/countries/new', {
      ...form,
      code: 'XXX',
      code2: 'XX',
      capitalCity: String(outside.id),
    });
    assert.equal(created.statusCode, 422);
    const selected = await db.pages.query<{ id: string }>(
      `insert into ${db.t.selection} (id, owner_id, resource, kind, filter, keys, exclusions)
       values (gen_random_uuid(), $1, 'countries', 'ticked', '', '{FRA}', '{}') returning id`,
      [visitor.principal.id],
    );
    const path = `/countries/bulk-edit?_s=${selected.rows[0]?.id}`;
    const opened = await visitor.get(path, htmx);
    const _op = /name="_op" value="([^"]+)"/.exec(opened.body)?.[1] ?? '';
    await visitor.post(path, {
      _op,
      field: 'capitalCity',
      'value.capitalCity': String(outside.id),
    });
    const { rows } = await db.pages.query(
      `select 1 from gazetteer.country where code <> 'ESP' and capital_city_id is not null`,
    );
    assert.equal(rows.length, 0, 'a relation leads out of the scope');
  });

  await t.test('shows and changes nothing where the scope has an undefined in it', async () => {
    const visitor = await signIn('viewer');
    for (const [route, entry] of entries) {
      const answer = await send(visitor, route, entry);
      assertQuiet(route, answer);
      if (entry.about === 'record' || entry.about === 'records') {
        // Behind a relation such a resource is not there at all.
        const isRelated = route === 'GET /:resource/options/:field';
        // What a page asks for by itself is asked for no more.
        const isLive = route === 'GET /tasks/live';
        assert.equal(answer.statusCode, isRelated ? 404 : isLive ? 286 : 403, route);
        if (!isRelated && !isLive) assert.match(answer.body, /cannot be worked out/, route);
      }
      if (entry.about === 'task') assert.equal(answer.statusCode, 404, route);
      if (route === 'GET /' || route === 'GET /tasks') assert.equal(answer.statusCode, 200, route);
      for (const hidden of [outside.title, 'Place ', secret.value])
        assert.ok(!answer.body.includes(hidden), `${route} shows ${hidden}`);
    }
    assert.equal(await checksum(), before);
  });

  await t.test('has no trace of a field that may not be seen', async () => {
    const visitor = await signIn('admin');
    // Deleting is left out: it would take away what the others are about.
    for (const [route, entry] of entries.filter(([route]) => !/POST .*delete/.test(route))) {
      const answer = await send(visitor, route, entry);
      assertQuiet(route, answer);
      assert.ok(answer.statusCode !== 404 || isNowhere(route), `${route} is not found`);
      for (const hidden of [
        secret.value,
        secret.label,
        `"${secret.name}"`,
        `.${secret.name}`,
        `-${secret.name}`,
      ]) {
        assert.ok(
          !answer.body.includes(hidden),
          `${route} shows ${hidden}:\n${around(answer.body, hidden)}`,
        );
      }
    }
  });

  await t.test(
    'does not tell by a task what somebody else looked for in a hidden field',
    async () => {
      const filter = `notes-starts=${secret.value}&status=draft`;
      const change = { field: 'rating', 'value.rating': '1.5' };
      const { task: filtered } = await launchOn(
        context,
        cities,
        { kind: 'matching', filter },
        'update',
        change,
        whole,
      );
      const visitor = await signIn('admin');
      for (const path of [`/tasks/${filtered.id}`, `/tasks/${filtered.id}/details`, '/tasks']) {
        for (const headers of [{}, htmx, { accept: 'application/json' }]) {
          const { body } = await visitor.get(path, headers);
          for (const hidden of [secret.value, secret.label]) {
            assert.ok(!body.includes(hidden), `${path} shows ${hidden}:\n${around(body, hidden)}`);
          }
        }
      }
    },
  );

  await t.test('takes the hidden field in no filter, sort, search, picker or form', async () => {
    const visitor = await signIn('admin');
    const refused: [string, number][] = [
      [`/cities?notes=${secret.value}`, 422],
      ['/cities?notes-contains=s', 422],
      ['/cities?notes-empty=no', 422],
      ['/cities?_1.notes=a&_1.status=draft', 422],
      ['/cities?_sort=notes', 422],
      ['/cities?_sort=-notes,name', 422],
      ['/cities/options/notes?q=s', 404],
      ['/countries?capitalCity.notes-contains=s', 422],
      ['/countries?_sort=capitalCity.notes', 422],
      ['/cities/bulk-edit/inputs?of=notes', 404],
    ];
    for (const [path, expected] of refused) {
      const answer = await visitor.get(path, path.includes('bulk') ? htmx : {});
      assert.equal(answer.statusCode, expected, path);
      for (const hidden of [path.startsWith('/cities') ? 'Place 2' : '>Spain<', secret.label])
        assert.ok(
          !answer.body.includes(hidden),
          `${path} shows ${hidden}:\n${around(answer.body, hidden)}`,
        );
    }
    const found = await visitor.get(`/cities?_q=${secret.value}`);
    assert.ok(!found.body.includes('Place 2'), 'the search looked into it');
    const written = await visitor.post('/cities/1/edit', {
      ...cityForm,
      name: 'Place 1',
      population: '1',
      notes: 'mine',
    });
    assert.equal(written.statusCode, 422);
    assert.match(written.body, /“notes” is not yours to change/);
    assert.equal(
      (await visitor.post('/cities/new', { ...cityForm, notes: 'mine' })).statusCode,
      422,
    );
    const { rows } = await db.pages.query(
      `select 1 from gazetteer.city where notes = 'mine' or name = 'Changed'`,
    );
    assert.equal(rows.length, 0);
  });

  async function send(
    visitor: Visitor,
    route: string,
    entry: Entry,
  ): Promise<LightMyRequestResponse> {
    const ids = await idsFor(visitor, entry);
    const path = entry.path(ids);
    return route.startsWith('GET ')
      ? visitor.get(path, entry.headers)
      : visitor.post(path, entry.body?.(ids) ?? {}, entry.headers);
  }

  /**
   * The visitor's own selection, of the record that may be out of their scope and of nothing else.
   */
  async function idsFor({ principal }: Visitor, { path, body }: Entry): Promise<Ids> {
    const base = {
      id: outside.id,
      key: keyOf(outside.id),
      taskId: task.task.id,
      selectionId: '',
      operationId: '',
    };
    if (!/selectionId|operationId/.test(`${path}${body}`)) return base;
    const { rows } = await db.pages.query<{ id: string }>(
      `insert into ${db.t.selection} (id, owner_id, resource, kind, filter, keys, exclusions)
       values (gen_random_uuid(), $1, 'cities', 'ticked', '', array[$2], '{}') returning id`,
      [principal.id, base.key],
    );
    const selectionId = rows[0]?.id ?? '';
    // As if the preview had been made when the record was still in the scope.
    const operation = /delete|mark/.exec(path(base))?.[0] ?? 'update';
    const changes = [{ field: 'status', change: 'set', value: 'published' }];
    const parameters = { delete: {}, mark: { form: {}, changes } }[operation] ?? { changes };
    const preview = await db.pages.query<{ id: string }>(
      `insert into ${db.t.preview} (id, owner_id, resource, operation, selection_id, selection_version, record_count, parameters, findings, snapshot)
       values (gen_random_uuid(), $1, 'cities', $3, $2, 1, 1, $4, $5, pg_current_snapshot()::text) returning id`,
      [
        principal.id,
        selectionId,
        operation,
        JSON.stringify(parameters),
        JSON.stringify(foundOf(base.key)),
      ],
    );
    return { ...base, selectionId, operationId: preview.rows[0]?.id ?? '' };
  }

  async function checksum(): Promise<string> {
    const { rows } = await db.pages.query<{ sum: string }>(
      `select md5(string_agg(t::text, '|' order by id)) as sum from gazetteer.city t where id = ${outside.id}`,
    );
    return rows[0]?.sum ?? '';
  }
});

function keyOf(id: number): string {
  return String(id).padStart(20, '0');
}

/** What a preview found when the record was still in the scope: that it would be refused. */
function foundOf(key: string): Findings {
  const counts = { tried: 1, isSample: false, changed: 0, unchanged: 0, busy: 0, missing: 0 };
  const refused = [{ code: '23514', message: 'refused', field: null, count: 1, keys: [key] }];
  return { ...counts, refused, held: [], triggers: [], expectedMs: null, digest: null };
}

/** Neither broken, nor telling how it is made. */
function assertQuiet(route: string, { statusCode, body }: LightMyRequestResponse): void {
  assert.ok(statusCode < 500, `${route} was answered ${statusCode}`);
  assert.doesNotMatch(body, /\bat .*\.ts:\d+|select .* from |node_modules/i, route);
}

function around(text: string, found: string): string {
  const at = text.indexOf(found);
  return text.slice(Math.max(0, at - 200), at + 200);
}
