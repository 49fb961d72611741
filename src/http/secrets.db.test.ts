import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { z } from 'zod';
import type { AdminDefinition } from '../admin-definition.ts';
import { buildApp } from '../app.ts';
import { bringUp } from '../cli/bring-up.ts';
import { openAdmin } from '../cli/open-admin.ts';
import { parseConfig } from '../config.ts';
import {
  defineEveryResource,
  defineOperation,
  defineResource,
  defineTask,
  t as input,
} from '../index.ts';
import type { Metadata } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import { keyToUrl } from '../metadata/keys.ts';
import type { Resource } from '../resources/contract.ts';
import { findFilterField } from '../selection/filter-fields.ts';
import { findSortable } from '../selection/sort.ts';
import { htmx, type TestApp, testApp, type Visitor } from '../testing/app.ts';
import { ada, launchOn } from '../testing/context.ts';
import { formOf } from '../testing/html-form.ts';
import { workOff } from '../testing/work-off.ts';

const state = mkdtempSync(join(tmpdir(), 'bulkhead-secrets-'));
test.after(() => rmSync(state, { recursive: true, force: true }));

/** Stands in every secret that is stored, and in every one that is typed. */
const mark = 'pl4nted';
/** Bytes as PostgreSQL, and as others, write them. */
const marks = [
  mark,
  Buffer.from(mark).toString('hex'),
  Buffer.from(mark).toString('base64').slice(0, 8),
  '4711471147',
];

const secrets: Readonly<Record<string, readonly string[]>> = {
  Team: ['inviteCode'],
  Account: [
    'passwordHash',
    'apiKey',
    'recoveryCodes',
    'credentials',
    'privateKey',
    'wrappedKey',
    'pin',
    'favourite',
  ],
  Session: ['sessionToken'],
  Device: ['session'],
  VerificationToken: ['token'],
  Otp: ['code'],
};

/**
 * Twelve accounts with everything planted, what belongs to them, more of it than a page shows, and
 * a trigger that tells what it sees.
 */
const rows = `
  insert into "Team" (name, "inviteCode") values ('Red', '${mark}-invite');
  insert into "Account" (name, email, "passwordHash", "apiKey", "recoveryCodes", credentials, "privateKey", "wrappedKey", pin, favourite, "publicToken", "teamId")
    select 'Person ' || n, 'p' || n || '@example.test', '${mark}-hash-' || n, '${mark}-key-' || n, array['${mark}-code-' || n, '${mark}-more-' || n],
      jsonb_build_object('user', '${mark}-credential-' || n), '${mark}-private' || E'\\n${mark}-lines-' || n, '${mark}-bytes'::bytea, '4711471147' || n, '${mark}-favourite-' || n,
      'shown-' || n, 1 from generate_series(1, 12) n;
  insert into "Session" select '${mark}-session-' || n, 'Browser ' || n, 1 + (n - 1) % 12 from generate_series(1, 60) n;
  insert into "Device" (label, held) select 'Phone ' || n, '${mark}-session-' || n from generate_series(1, 12) n;
  insert into "VerificationToken" select 'p' || n || '@example.test', '${mark}-token-' || n, now() from generate_series(1, 60) n;
  insert into "Otp" (code, "accountId") select '${mark}-otp-' || n, n from generate_series(1, 12) n;
  create function tell() returns trigger language plpgsql as $$ begin
    if new.visits > 100 then raise exception 'Nobody with % and % visits so often: Key (apiKey)=(%) is odd', new."passwordHash", new."privateKey", new."apiKey"; end if;
    return new; end $$;
  create trigger tell before insert or update on "Account" for each row execute function tell();`;

async function site(
  t: Parameters<typeof testApp>[0],
): Promise<{ site: TestApp; admin: AdminDefinition }> {
  let admin: AdminDefinition | null = null;
  const site = await testApp(t, {
    content: 'nothing',
    async admin(connectionString) {
      const schema = join(import.meta.dirname, '../testing/schemas/secrets.prisma');
      const config = parseConfig({ BULKHEAD_FOLDER: state });
      const found = await bringUp(await openAdmin({ schema }, config), config, connectionString);
      const metadata = found.resources[0]?.metadata as Metadata;
      const said = { favourite: { secret: true }, publicToken: { secret: false } };
      // One of the project's own, at which the trigger tells what it sees.
      const revisit = defineOperation(metadata, 'Account', {
        name: 'revisit',
        label: 'Visit…',
        icon: 'eye',
        on: ['selection', 'record'],
        form: { visits: input.integer({ label: 'Visits' }) },
        change: (({ params }: { params: { visits: number | null } }) => ({
          visits: params.visits,
        })) as never,
      });
      const accounts = defineResource(metadata, 'Account', { fields: said, operations: [revisit] });
      const invite = defineTask({
        name: 'invite',
        params: z.object({ account: z.string(), note: z.string() }),
        launchable: {
          on: 'record',
          resource: 'accounts',
          allowed: () => true,
          form: { note: input.text({ label: 'Note' }) },
          params: ({ key, form }) => ({ account: key, note: String(form.note) }),
          // At which the trigger tells what it sees.
          set: { visits: 103 },
        },
        run: () => null,
      });
      const resources = defineEveryResource(metadata, [accounts]);
      admin = { ...found, resources, tasks: [invite] };
      return admin;
    },
  });
  await site.db.pages.query(rows);
  return { site, admin: admin as unknown as AdminDefinition };
}

interface About {
  resource: Resource;
  id: string;
  key: string;
  taskId: number;
  selectionId: string;
  operationId: string;
  /** Of the form of the project's own operation. */
  ownOperationId: string;
}

interface Asked {
  path: string;
  body?: Record<string, string | readonly string[]>;
}

const nobody = '00000000-0000-4000-8000-000000000000';

/** What is asked of each route, about each resource; one that is missing fails the suite. */
const asking: Readonly<Record<string, (about: About) => readonly Asked[]>> = {
  'GET /': () => [{ path: '/' }],
  'GET /sign-in': () => [{ path: '/sign-in' }],
  'POST /sign-in': () => [{ path: '/sign-in', body: { email: 'x' } }],
  'GET /first-admin': () => [{ path: '/first-admin?token=x' }],
  'POST /first-admin': () => [{ path: '/first-admin', body: { token: 'x' } }],
  'POST /sign-out': () => [],
  'GET /tasks/people': () => [{ path: '/tasks/people' }],
  'GET /tasks/people/new': () => [{ path: '/tasks/people/new' }],
  'POST /tasks/people/new': () => [{ path: '/tasks/people/new', body: { name: 'x' } }],
  'GET /tasks/people/:id': () => [{ path: `/tasks/people/${nobody}` }],
  'POST /tasks/people/:id': () => [{ path: `/tasks/people/${nobody}`, body: { name: 'x' } }],
  'POST /tasks/people/:id/password': () => [{ path: `/tasks/people/${nobody}/password`, body: {} }],
  'POST /tasks/people/:id/deactivation': () => [
    { path: `/tasks/people/${nobody}/deactivation`, body: {} },
  ],
  'POST /tasks/people/:id/activation': () => [
    { path: `/tasks/people/${nobody}/activation`, body: {} },
  ],
  'POST /tasks/people/:id/sessions/ending': () => [
    { path: `/tasks/people/${nobody}/sessions/ending`, body: {} },
  ],
  'POST /tasks/people/:id/sessions/:session/ending': () => [
    { path: `/tasks/people/${nobody}/sessions/x/ending`, body: {} },
  ],
  'GET /healthz': () => [{ path: '/healthz' }],
  'GET /tasks/health': () => [{ path: '/tasks/health' }],
  'GET /readyz': () => [{ path: '/readyz' }],
  'GET /metrics': () => [{ path: '/metrics' }],
  'GET /static/*': () => [{ path: '/static/theme.js' }],
  'GET /:resource': ({ resource: { slug, model } }) => [
    { path: `/${slug}` },
    { path: `/${slug}?_q=${mark.slice(0, 3)}` },
    { path: `/${slug}?_q=person` },
    ...['_task=1', '_failed=2', '_task=3'].map((query) => ({ path: `/${slug}?${query}` })),
    ...Object.keys(model.fields).flatMap((name) => [
      { path: `/${slug}?_sort=${name}` },
      { path: `/${slug}?_sort=-${name}` },
      ...['', '-starts', '-contains', '-empty', '-has', '-is'].map((operator) => ({
        path: `/${slug}?${name}${operator}=${operator === '-empty' ? 'no' : mark.slice(0, 3)}`,
      })),
    ]),
  ],
  'POST /:resource/selection': ({ resource: { slug }, key }) => [
    { path: `/${slug}/selection`, body: { _do: 'add', key } },
    { path: `/${slug}/selection`, body: { _do: 'matching' } },
  ],
  'GET /:resource/options/:field': ({ resource: { slug, model } }) =>
    Object.keys(model.fields).flatMap((name) =>
      ['', 'p', mark.slice(0, 3)].map((q) => ({ path: `/${slug}/options/${name}?q=${q}` })),
    ),
  'GET /:resource/filter': ({ resource: { slug, model } }) => [
    { path: `/${slug}/filter` },
    ...Object.keys(model.fields).map((name) => ({ path: `/${slug}/filter?${name}-contains=x` })),
  ],
  'GET /:resource/deleted': ({ resource: { slug } }) => [{ path: `/${slug}/deleted` }],
  'GET /:resource/new': ({ resource: { slug } }) => [{ path: `/${slug}/new` }],
  'POST /:resource/new': ({ resource: { slug, form } }) => [
    { path: `/${slug}/new`, body: {} },
    {
      path: `/${slug}/new`,
      body: typedIn(form, { email: 'p1@example.test', team: '1', visits: 'many' }),
    },
    {
      path: `/${slug}/new`,
      body: typedIn(form, { email: 'p1@example.test', team: '1', visits: '1' }),
    },
    {
      path: `/${slug}/new`,
      body: typedIn(form, { email: 'new@example.test', team: '1', visits: '101' }),
    },
    {
      path: `/${slug}/new`,
      body: typedIn(form, {
        email: 'new@example.test',
        team: '1',
        visits: '1',
        apiKey: `${mark}-key-2`,
      }),
    },
    { path: `/${slug}/new`, body: { ...typedIn(form, {}), _return: '1' } },
    { path: `/${slug}/new`, body: { ...typedIn(form, {}), _choose: 'team' } },
    { path: `/${slug}/new`, body: { ...typedIn(form, {}), _choose: 'account' } },
  ],
  'GET /:resource/:id': (about) => ofRecord(about, ''),
  'GET /:resource/:id/edit': (about) => ofRecord(about, '/edit'),
  'POST /:resource/:id/edit': (about) => [
    ...ofRecord(about, '/edit', typedIn(about.resource.form, { visits: 'many' })),
    ...ofRecord(about, '/edit', typedIn(about.resource.form, { visits: '101' })),
    ...ofRecord(about, '/edit', { visits: '102' }),
    ...ofRecord(about, '/edit', {
      name: 'Changed',
      _was: JSON.stringify({ name: 'Other', apiKey: 'x', passwordHash: 'y' }),
    }),
    ...ofRecord(about, '/edit', { ...typedIn(about.resource.form, {}), _choose: 'team' }),
    ...ofRecord(about, '/edit', typedIn(about.resource.form, { apiKey: `${mark}-key-2` })),
  ],
  'GET /:resource/:id/edit/:field': (about) =>
    namesOf(about).flatMap((name) => ofRecord(about, `/edit/${name}`)),
  'POST /:resource/:id/edit/:field': (about) =>
    namesOf(about).flatMap((name) => [
      ...ofRecord(about, `/edit/${name}`, { [name]: 'typed', _was: '{}' }),
      ...ofRecord(about, `/edit/${name}`, {
        ...typedIn(about.resource.form, { [name]: '101' }),
        _was: JSON.stringify({ [name]: 'x' }),
      }),
    ]),
  'GET /:resource/:id/value/:field': (about) =>
    namesOf(about).flatMap((name) => ofRecord(about, `/value/${name}`)),
  'GET /:resource/:id/history/:change/:side/:field': (about) =>
    namesOf(about).flatMap((name) =>
      [1, 2, 3, 4].flatMap((id) =>
        ofRecord(about, `/history/${id}/${id % 2 ? 'before' : 'after'}/${name}`),
      ),
    ),
  'GET /:resource/:id/delete': (about) => ofRecord(about, '/delete'),
  'POST /:resource/:id/delete': (about) => ofRecord(about, '/delete', {}),
  'GET /:resource/:id/lock': (about) => ofRecord(about, '/lock'),
  'GET /:resource/:id/history': (about) => ofRecord(about, '/history'),
  'GET /:resource/bulk-edit': ({ resource: { slug }, selectionId }) => [
    { path: `/${slug}/bulk-edit?_s=${selectionId}` },
  ],
  'GET /:resource/bulk-edit/inputs': ({ resource: { slug, model }, selectionId }) =>
    Object.keys(model.fields).map((name) => ({
      path: `/${slug}/bulk-edit/inputs?_s=${selectionId}&of=${name}`,
    })),
  'POST /:resource/bulk-edit': ({ resource, selectionId, operationId }) => [
    ...Object.keys(resource.model.fields).map((name) => ({
      path: `/${resource.slug}/bulk-edit?_s=${selectionId}`,
      body: {
        _op: operationId,
        field: name,
        [`change.${name}`]: 'set',
        [`value.${name}`]: secrets[resource.model.name]?.includes(name) ? `${mark}-typed` : '7',
        _do: 'inputs',
      },
    })),
    ...Object.keys(resource.model.fields).map((name) => ({
      path: `/${resource.slug}/bulk-edit?_s=${selectionId}`,
      body: { _op: operationId, field: 'name', 'change.name': 'copy', 'from.name': name },
    })),
    {
      path: `/${resource.slug}/bulk-edit?_s=${selectionId}`,
      body: { _op: operationId, field: 'visits', 'value.visits': '103', _do: 'preview' },
    },
    {
      path: `/${resource.slug}/bulk-edit?_s=${selectionId}`,
      body: { _op: operationId, field: 'visits', 'value.visits': '103' },
    },
  ],
  'GET /:resource/do/:operation': ({ resource: { slug }, selectionId, key }) => [
    { path: `/${slug}/do/revisit?_s=${selectionId}` },
    { path: `/${slug}/do/revisit?_record=${key}` },
  ],
  'POST /:resource/do/:operation': ({
    resource: { slug },
    selectionId,
    ownOperationId: operationId,
  }) => [
    {
      path: `/${slug}/do/revisit?_s=${selectionId}`,
      body: { _op: operationId, 'form.visits': 'many' },
    },
    {
      path: `/${slug}/do/revisit?_s=${selectionId}`,
      body: { _op: operationId, 'form.visits': '103', _do: 'preview' },
    },
    {
      path: `/${slug}/do/revisit?_s=${selectionId}`,
      body: { _op: operationId, 'form.visits': '103' },
    },
  ],
  'GET /:resource/bulk-delete': ({ resource: { slug }, selectionId }) => [
    { path: `/${slug}/bulk-delete?_s=${selectionId}` },
  ],
  'POST /:resource/bulk-delete': ({ resource: { slug }, selectionId, operationId }) => [
    { path: `/${slug}/bulk-delete?_s=${selectionId}`, body: { _op: operationId, _do: 'preview' } },
    {
      path: `/${slug}/bulk-delete?_s=${selectionId}`,
      body: { _op: operationId, acknowledge: 'yes' },
    },
  ],
  'GET /:resource/previews/:id': ({ resource: { slug }, operationId }) => [
    { path: `/${slug}/previews/${operationId}` },
  ],
  'POST /:resource/previews/:id': ({ resource: { slug }, operationId }) => [
    { path: `/${slug}/previews/${operationId}`, body: { _do: 'show' } },
    { path: `/${slug}/previews/${operationId}`, body: {} },
  ],
  'POST /:resource/previews/:id/exclusions': ({ resource: { slug }, operationId, key }) => [
    { path: `/${slug}/previews/${operationId}/exclusions`, body: { kept: key, keep: key } },
  ],
  'POST /:resource/previews/:id/form': ({ resource: { slug }, operationId }) => [
    { path: `/${slug}/previews/${operationId}/form`, body: { 'value.apiKey': `${mark}-typed` } },
  ],
  'GET /tasks': ({ resource: { slug }, id }) => [
    { path: '/tasks' },
    { path: `/tasks?_q=${mark.slice(0, 3)}` },
    { path: `/tasks?resource=${slug}&record=${slug}/${encodeURIComponent(id)}` },
  ],
  'GET /tasks/live': ({ resource: { slug }, id, key, taskId }) => [
    {
      path: `/tasks/live?bar=${taskId}.page&records=${slug}&row=${taskId}.${encodeURIComponent(key)}&list=&bell=0`,
    },
    ...['lock', 'holding'].map((what) => ({
      path: `/tasks/live?${what}=${encodeURIComponent(`${slug}/${id}`)}`,
    })),
  ],
  'GET /tasks/running': ({ resource: { slug } }) => [{ path: `/tasks/running?resource=${slug}` }],
  'GET /tasks/activity': () => [{ path: '/tasks/activity' }],
  'GET /tasks/overview': () => [{ path: '/tasks/overview' }, { path: '/tasks/overview?of=week' }],
  'GET /tasks/queues/:name/pause': () => [{ path: '/tasks/queues/default/pause' }],
  'POST /tasks/queues/:name/pause': () => [
    { path: '/tasks/queues/nowhere/pause', body: { reason: 'x' } },
  ],
  'POST /tasks/queues/:name/resumption': () => [
    { path: '/tasks/queues/default/resumption', body: {} },
  ],
  'GET /tasks/workers/:id/quiet': () => [{ path: '/tasks/workers/1/quiet' }],
  'POST /tasks/workers/:id/quiet': () => [{ path: '/tasks/workers/1/quiet', body: {} }],
  'GET /tasks/workers/:id/stop': () => [{ path: '/tasks/workers/1/stop' }],
  'POST /tasks/workers/:id/stop': () => [{ path: '/tasks/workers/1/stop', body: {} }],
  'POST /tasks/workers/:id/resumption': () => [{ path: '/tasks/workers/1/resumption', body: {} }],
  'GET /tasks/schedules': () => [{ path: '/tasks/schedules' }],
  'GET /tasks/audit': ({ resource: { slug }, id }) => [
    { path: '/tasks/audit' },
    { path: `/tasks/audit?record=${slug}/${encodeURIComponent(id)}` },
  ],
  'GET /tasks/audit.csv': () => [{ path: '/tasks/audit.csv' }],
  'GET /tasks/deliveries': () => [{ path: '/tasks/deliveries' }],
  'POST /tasks/deliveries/:id/sending': () => [{ path: '/tasks/deliveries/1/sending', body: {} }],
  'GET /tasks/notices/preferences': () => [{ path: '/tasks/notices/preferences' }],
  'POST /tasks/notices/preferences': () => [
    { path: '/tasks/notices/preferences', body: { 'seconds.message': 'x' } },
  ],
  'GET /tasks/notices': () => [{ path: '/tasks/notices' }],
  'POST /tasks/notices/:id/reading': () => [{ path: '/tasks/notices/1/reading', body: {} }],
  'POST /tasks/notices/reading': () => [{ path: '/tasks/notices/reading', body: { upTo: '0' } }],
  'POST /tasks/schedules/:name/run': () => [{ path: '/tasks/schedules/none/run', body: {} }],
  'POST /tasks/schedules/:name/pause': () => [{ path: '/tasks/schedules/none/pause', body: {} }],
  'POST /tasks/schedules/:name/resumption': () => [
    { path: '/tasks/schedules/none/resumption', body: {} },
  ],
  'GET /tasks/new/:name': () => [{ path: '/tasks/new/invite?_record=1' }],
  'POST /tasks/new/:name': () => [
    { path: '/tasks/new/invite?_record=1', body: { _op: randomUUID(), 'form.note': '' } },
    { path: '/tasks/new/invite?_record=1', body: { _op: randomUUID(), 'form.note': 'x' } },
  ],
  'GET /tasks/:id': (about) => ofTasks(about, ''),
  'GET /tasks/:id/details': (about) => ofTasks(about, '/details'),
  'GET /tasks/:id/embedded': (about) => ofTasks(about, '/embedded'),
  'GET /tasks/:id/progress': (about) => ofTasks(about, '/progress'),
  'GET /tasks/:id/changes': (about) => ofTasks(about, '/changes'),
  'GET /tasks/:id/chunks/:number': (about) => ofTasks(about, '/chunks/0'),
  'GET /tasks/matching/:act': () =>
    ['cancellation', 'retry', 'acknowledgement'].map((act) => ({ path: `/tasks/matching/${act}` })),
  'POST /tasks/matching/:act': () => [
    { path: '/tasks/matching/acknowledgement', body: { _op: 'x', upTo: '9', count: '9' } },
  ],
  'GET /tasks/:id/matched': (about) => ofTasks(about, '/matched'),
  'GET /tasks/:id/row': (about) => ofTasks(about, '/row'),
  'POST /tasks/:id/time': (about) => ofTasks(about, '/time', { at: 'never' }),
  'POST /tasks/:id/acknowledgement': (about) => ofTasks(about, '/acknowledgement', {}),
  'POST /tasks/:id/acknowledgement/withdrawal': (about) =>
    ofTasks(about, '/acknowledgement/withdrawal', {}),
  'GET /tasks/:id/failures': (about) => ofTasks(about, '/failures'),
  'GET /tasks/:id/failures.csv': (about) => ofTasks(about, '/failures.csv'),
  'GET /tasks/:id/undo': (about) => ofTasks(about, '/undo'),
  'POST /tasks/:id/pause': (about) => ofTasks(about, '/pause', {}),
  'POST /tasks/:id/resumption': (about) => ofTasks(about, '/resumption', {}),
  'POST /tasks/:id/cancellation': (about) => ofTasks(about, '/cancellation', {}),
  'POST /tasks/:id/retry': (about) => ofTasks(about, '/retry', {}),
  'POST /tasks/:id/again': (about) => ofTasks(about, '/again', {}),
  'POST /tasks/:id/undo': (about) => ofTasks(about, '/undo', { _which: 'all' }),
};

const ofRecord = ({ resource: { slug }, id }: About, end: string, body?: Asked['body']): Asked[] =>
  id === '' ? [] : [{ path: `/${slug}/${encodeURIComponent(id)}${end}`, ...(body && { body }) }];
const namesOf = ({ resource: { model } }: About) => Object.keys(model.fields);
const ofTasks = ({ taskId }: About, end: string, body?: Asked['body']): Asked[] =>
  Array.from({ length: taskId }, (_, index) => ({
    path: `/tasks/${index + 1}${end}`,
    ...(body && { body }),
  }));

/** A form with every secret typed into it. */
function typedIn(form: Resource['form'], more: Record<string, string>): Record<string, string> {
  const typed = form.map(({ name, isSecret, meta }) => {
    if (!isSecret) return [name, meta.type === 'String' ? 'typed' : ''];
    return [name, meta.type === 'Json' ? `{"a":"${mark}-typed"}` : `${mark}-typed-${name}`];
  });
  return { ...Object.fromEntries(typed), ...more };
}

test('what is planted in secrets is in no answer of any route', async (t) => {
  const { site: app, admin } = await site(t);
  const { context, config, db, signIn } = app;
  const { registry } = context;
  const routes = new Set<string>();
  const walked = await buildApp({
    admin,
    config,
    context,
    onRoute: ({ method, url }: RouteOptions) => {
      for (const one of [method].flat())
        if (one !== 'HEAD' && one !== 'OPTIONS') routes.add(`${one} ${url}`);
    },
  });
  t.after(() => walked.close());
  assert.deepEqual(
    [...routes].filter((route) => !Object.hasOwn(asking, route)),
    [],
    'routes that nobody asks: add what is to be asked of them to `asking`',
  );
  await makeTasks(app);
  const { taskId } = (
    await db.pages.query<{ taskId: number }>(`select max(id) as "taskId" from ${db.t.task}`)
  ).rows[0] as {
    taskId: number;
  };
  let asked = 0;
  for (const role of ['viewer', 'editor', 'admin'] as const) {
    const visitor = await signIn(role);
    const gets = [...routes].filter((route) => route.startsWith('GET ') && role !== 'editor');
    const posts = [...routes].filter(
      (route) => route.startsWith('POST ') && !/delete|undo|retry/.test(route),
    );
    const ending =
      role === 'admin'
        ? [...routes].filter((route) => /^POST .*(delete|undo|retry)/.test(route))
        : [];
    for (const route of [
      ...gets,
      ...posts,
      ...ending,
      ...gets.filter((one) => /history|deleted|tasks/.test(one)),
    ]) {
      for (const resource of registry.list) {
        const { key, id } = await firstOf(app, resource);
        const about = {
          resource,
          id,
          key,
          taskId,
          ...(await chosenBy(app, visitor, resource, key)),
        };
        // What nothing addresses has no previews.
        if (/previews/.test(route) && id === '') continue;
        if (
          resource !== registry.list[0] &&
          !/:resource|resource=/.test(route) &&
          !route.includes('running')
        )
          continue;
        for (const { path, body } of (asking[route] as (about: About) => readonly Asked[])(about)) {
          const every: Record<string, string>[] = [{}, htmx, { accept: 'application/json' }];
          const ways = body
            ? [{}]
            : path.includes('?')
              ? [every[asked % 3] as Record<string, string>]
              : every;
          for (const headers of ways) {
            const answer = body
              ? await visitor.post(path, body, headers)
              : await visitor.get(path, headers);
            asked++;
            assert.ok(answer.statusCode < 500, `${role} ${route} ${path}: ${answer.statusCode}`);
            if (role !== 'viewer' && resource.slug === 'accounts' && isRevisit(body))
              assert.equal(answer.statusCode, 422, answer.body);
            if (asksForSecret(resource, path)) assert.equal(answer.statusCode, 422, path);
            const text = `${JSON.stringify(answer.headers)}\n${decodeURIComponent(JSON.stringify(answer.headers.location ?? ''))}\n${answer.body}`;
            const asSent = path.includes(mark.slice(0, 3))
              ? marks.filter((one) => !path.includes(one))
              : marks;
            for (const found of asSent) {
              const at = text.indexOf(found);
              assert.equal(
                at,
                -1,
                `${role} ${route} ${path}: ${text.slice(Math.max(0, at - 300), at + 60)}`,
              );
            }
          }
        }
      }
    }
  }
  assert.ok(asked > 1_000, `only ${asked} were asked`);
});

/**
 * A task that changed something, one that was refused by a trigger that tells secrets, one that
 * deleted and was undone; saved forms.
 */
async function makeTasks({ context, signIn, db }: TestApp): Promise<void> {
  const accounts = context.registry.get('accounts');
  const keys = (...ids: number[]) => ids.map((id) => String(id).padStart(20, '0'));
  await launchOn(context, accounts, { keys: keys(1, 2) }, 'update', {
    field: 'visits',
    'value.visits': '5',
  });
  await assert.rejects(
    launchOn(context, accounts, { keys: keys(1, 2, 3) }, 'update', {
      field: 'visits',
      'value.visits': '200',
    }),
    {
      code: 'refused',
    },
  );
  await launchOn(context, context.registry.get('otps'), { keys: keys(12) }, 'delete', {
    acknowledge: 'yes',
  });
  await db.pages.query(
    `delete from "Otp" where "accountId" = 11; delete from "Device" where held like '%-11'; delete from "Session" where "accountId" = 11`,
  );
  await launchOn(context, accounts, { keys: keys(11) }, 'delete', { acknowledge: 'yes' });
  const visitor = await signIn('admin');
  const typed = {
    name: 'Person one',
    passwordHash: `${mark}-typed`,
    favourite: `${mark}-typed`,
    recoveryCodes: `${mark}-a\n${mark}-b`,
  };
  assert.equal((await visitor.post('/accounts/1/edit', typed)).statusCode, 303);
  const made = await visitor.post('/accounts/new', {
    name: 'Eve',
    email: 'eve@example.test',
    team: '1',
    passwordHash: `${mark}-typed`,
  });
  assert.equal(made.statusCode, 303, made.body);
}

/** Does a list's address filter or sort by one? */
function asksForSecret({ slug, model }: Resource, path: string): boolean {
  const [, asked = ''] = path.split(`/${slug}?`);
  return (secrets[model.name] ?? []).some((name) =>
    new RegExp(`^(_sort=-?)?${name}(-|=|$)`).test(asked),
  );
}

async function firstOf({ db }: TestApp, { model }: Resource): Promise<{ key: string; id: string }> {
  if (model.idFields.length === 0) return { key: '', id: '' };
  const { rows: found } = await db.pages.query<{ key: string }>(
    `select ${keySql(model, 't')} collate "C" as key from ${model.table} t order by 1 limit 1`,
  );
  const key = found[0]?.key ?? '';
  return { key, id: key === '' ? '' : keyToUrl(model, key) };
}

/** It reaches the trigger, which refuses the record. */
function isRevisit(body: Asked['body']): boolean {
  return body?.['form.visits'] === '103' && body._do === undefined;
}

async function chosenBy(
  { db }: TestApp,
  { principal }: Visitor,
  { slug, bulkFields }: Resource,
  key: string,
) {
  const made = await db.pages.query<{ id: string }>(
    `insert into ${db.t.selection} (id, owner_id, resource, kind, filter, keys, exclusions)
     values (gen_random_uuid(), $1, $2, 'ticked', '', array[$3], '{}') returning id`,
    [principal.id, slug, key],
  );
  const [field] = bulkFields;
  const value =
    field?.name === 'visits' ? '104' : field?.relation || field?.meta.type === 'Int' ? '1' : 'x';
  const changes = field ? [{ field: field.meta.name, change: 'set', value }] : [];
  const counts = { tried: 1, isSample: false, changed: 1, unchanged: 0, busy: 0, missing: 0 };
  const own = await db.pages.query<{ id: string }>(
    `insert into ${db.t.preview} (id, owner_id, resource, operation, selection_id, selection_version, record_count)
     values (gen_random_uuid(), $1, $2, 'revisit', $3, 1, 1) returning id`,
    [principal.id, slug, made.rows[0]?.id],
  );
  const preview = await db.pages.query<{ id: string }>(
    `insert into ${db.t.preview} (id, owner_id, resource, operation, selection_id, selection_version, record_count, parameters, findings, snapshot)
     values (gen_random_uuid(), $1, $2, 'update', $3, 1, 1, $4, $5, pg_current_snapshot()::text) returning id`,
    [
      principal.id,
      slug,
      made.rows[0]?.id,
      JSON.stringify({ changes }),
      JSON.stringify({
        ...counts,
        refused: [],
        held: [],
        triggers: [],
        expectedMs: null,
        digest: null,
      }),
    ],
  );
  return {
    selectionId: made.rows[0]?.id ?? '',
    operationId: preview.rows[0]?.id ?? '',
    ownOperationId: own.rows[0]?.id ?? '',
  };
}

test('secrets are told by what the resource says, else by name; they are in no list of fields', async (t) => {
  const {
    site: { context },
  } = await site(t);
  for (const resource of context.registry.list) {
    const seen = context.registry.for(ada, resource.slug);
    assert.deepEqual(
      seen.secrets.map(({ name }) => name),
      secrets[resource.model.name],
      resource.slug,
    );
    const lists = { ...seen, secrets: [], form: [], formGroups: [], model: null, metadata: null };
    assert.doesNotMatch(JSON.stringify(lists), /"isSecret":true/, resource.slug);
    for (const name of secrets[resource.model.name] ?? [])
      assert.equal(findFilterField(seen, ada, name), null);
    for (const via of seen.fields.filter(({ meta, relation }) => relation ?? meta.relation)) {
      for (const name of secrets[(via.relation ?? via.meta.relation)?.model ?? ''] ?? []) {
        assert.equal(findFilterField(seen, ada, `${via.name}.${name}`), null);
        assert.equal(findSortable(context.registry, seen, ada, `${via.name}.${name}`), null);
      }
    }
  }
  assert.ok(context.registry.get('accounts').fields.some(({ name }) => name === 'publicToken'));
  assert.deepEqual(
    context.registry.get('sessions').model.idFields,
    [],
    'a session is addressed by nothing',
  );
});

test('a form writes secrets and shows none: new where it is required, untouched as it was', async (t) => {
  const {
    site: { db, signIn },
  } = await site(t);
  const editor = await signIn('editor');
  const fresh = formOf((await editor.get('/accounts/new')).body, 'record-form');
  assert.ok('passwordHash' in fresh);
  assert.ok(
    !('apiKey' in fresh) && !('recoveryCodes' in fresh),
    'what is not required is given later',
  );
  const missing = await editor.post('/accounts/new', {
    ...fresh,
    name: 'Eve',
    email: 'eve@example.test',
    team: '1',
  });
  assert.equal(missing.statusCode, 422);
  assert.match(missing.body, /href="#field-passwordHash"/);

  const read = async () => (await db.pages.query('select * from "Account" where id = 3')).rows[0];
  const before = await read();
  const shown = formOf((await editor.get('/accounts/3/edit')).body, 'record-form');
  for (const name of secrets.Account?.filter((one) => one !== 'wrappedKey') ?? [])
    assert.deepEqual(shown[name], [''], name);
  const edit = (await editor.get('/accounts/3/edit')).body;
  assert.match(edit, /<textarea class="[^"]* masked"\s+id="field-credentials"/);
  assert.equal(
    (await editor.post('/accounts/3/edit', { ...shown, name: 'Renamed' })).statusCode,
    303,
  );
  assert.deepEqual(await read(), { ...before, name: 'Renamed' });
  const typed = {
    passwordHash: 'changed',
    recoveryCodes: 'one\ntwo',
    credentials: '{"a":1}',
    privateKey: 'BEGIN\r\nEND',
    pin: '12',
    favourite: 'blue',
  };
  assert.equal((await editor.post('/accounts/3/edit', { ...shown, ...typed })).statusCode, 303);
  const { privateKey, ...others } = typed;
  const written = {
    ...others,
    recoveryCodes: ['one', 'two'],
    credentials: { a: 1 },
    privateKey: privateKey.replace('\r', ''),
  };
  const { name: _renamed, ...rest } = before;
  const { name: _now, ...after } = await read();
  assert.deepEqual(after, { ...rest, ...written });
});

test('a secret that was typed and not saved comes along unseen, for who typed it', async (t) => {
  const {
    site: { db, signIn },
  } = await site(t);
  const editor = await signIn('editor');
  const page = await editor.get('/accounts/3/edit');
  const shown = formOf(page.body, 'record-form');
  const refused = await editor.post('/accounts/3/edit', {
    ...shown,
    visits: 'many',
    passwordHash: `${mark}-typed`,
  });
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /What you typed is kept and not shown/);
  const again = formOf(refused.body, 'record-form');
  assert.deepEqual(again.passwordHash, ['']);
  const read = async () =>
    (
      await db.pages.query<{ passwordHash: string }>(
        'select "passwordHash" from "Account" where id = 3',
      )
    ).rows[0]?.passwordHash;
  const other = await signIn('admin');
  const theirs = await other.post('/accounts/3/edit', {
    ...again,
    _csrf: other.csrf,
    visits: '0',
    name: 'Another',
  });
  assert.equal(theirs.statusCode, 303);
  assert.equal(await read(), `${mark}-hash-3`, 'what is sealed for one is nothing to another');
  assert.equal(
    (await editor.post('/accounts/3/edit', { ...again, visits: '8', name: 'Another' })).statusCode,
    303,
  );
  assert.equal(await read(), `${mark}-typed`);
});

test('who may not change a secret has no control for it, and undo brings it back unseen', async (t) => {
  const {
    site: { context, connectionString, db, signIn },
  } = await site(t);
  const viewer = await signIn('viewer');
  assert.equal((await viewer.get('/accounts/3/edit')).statusCode, 403);
  const admin = await signIn('admin');
  const { body } = await admin.get('/otps/5/delete');
  assert.equal(body.includes(mark), false);
  const deleted = await admin.post('/otps/5/delete');
  assert.equal(deleted.statusCode, 303);
  const { rows: found } = await db.pages.query<{ id: number }>(
    `select max(id) as id from ${db.t.task}`,
  );
  const undone = await admin.post(`/tasks/${found[0]?.id}/undo`, {
    _op: '00000000-0000-4000-8000-000000000001',
    _which: 'all',
  });
  assert.equal(undone.statusCode, 303, undone.body);
  await workOff({ context, connectionString, db }, (found[0]?.id ?? 0) + 1);
  const { rows: back } = await db.pages.query('select code from "Otp" where id = 5');
  assert.deepEqual(back, [{ code: `${mark}-otp-5` }]);
});
