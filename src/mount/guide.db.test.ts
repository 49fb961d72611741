import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { buildShop as buildExpress } from '../../docs/examples/express.ts';
import { buildShop as buildFastify } from '../../docs/examples/fastify.ts';
import { mountIn } from '../../docs/examples/nest.ts';
import { routeOf } from '../../docs/examples/next-route.ts';
import { buildServer } from '../../docs/examples/node-http.ts';
import type { Principal } from '../index.ts';
import { mountedDatabase } from '../testing/mounted-host.ts';
import { mountedAdmin } from '../testing/mounted-journey.ts';

const cleo: Principal = { id: 'cleo', name: 'Cleo', roles: ['admin'] };
const find = async (known: string | undefined) => (known === 'cleo' ? cleo : null);

test('the apps of the guide show a list to who is signed in with them, and to nobody else', async (t) => {
  const { connectionString, defer } = await mountedDatabase(t);
  const listen = async (listener: RequestListener) => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    defer(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const statuses = async (origin: string, path: string, header: string) =>
    Promise.all(
      ['cleo', 'nobody'].map(
        async (who) =>
          (await fetch(`${origin}${path}`, { headers: { [header]: who }, redirect: 'manual' }))
            .status,
      ),
    );
  const accounts = {
    find,
    ofCookie: find,
    ofRequest: ({ headers }: { headers: { cookie?: string } }) => find(headers.cookie),
  };

  const fastify = await buildFastify(mountedAdmin, accounts as never, connectionString);
  defer(() => fastify.close());
  const origin = await fastify.listen({ port: 0, host: '127.0.0.1' });
  assert.deepEqual(await statuses(origin, '/admin/tasks', 'cookie'), [200, 303]);
  assert.deepEqual(await (await fetch(`${origin}/tasks-under-way`)).json(), []);

  const { app, handler } = buildExpress(mountedAdmin, accounts, connectionString);
  defer(() => handler.close());
  await handler.ready();
  const shop = await listen(app);
  assert.deepEqual(await statuses(shop, '/admin/tasks', 'cookie'), [200, 401]);
  assert.deepEqual(await (await fetch(`${shop}/tasks-under-way`)).json(), []);

  const node = buildServer(mountedAdmin, find, connectionString);
  defer(() => node.handler.close());
  const server = await listen(
    (request, response) => void node.server.emit('request', request, response),
  );
  assert.deepEqual(await statuses(server, '/admin/tasks', 'authorization'), [200, 401]);
  assert.equal(await (await fetch(server)).text(), 'Everything else');

  const used: [string, RequestListener][] = [];
  const nest = mountIn(
    { use: (path, one) => used.push([path, one as RequestListener]) },
    mountedAdmin,
    find,
    connectionString,
  );
  defer(() => nest.close());
  assert.equal(used[0]?.[0], '/admin');
  const guarded = await listen((request, response) =>
    nest(Object.assign(request, request.headers.cookie === 'cleo' && { user: cleo }), response),
  );
  assert.deepEqual(await statuses(guarded, '/admin/tasks', 'cookie'), [200, 401]);

  const { DATABASE_URL } = process.env;
  process.env.DATABASE_URL = connectionString;
  try {
    const next = routeOf(mountedAdmin, find, find);
    defer(() => next.close());
    const pages = await listen(next);
    assert.deepEqual(await statuses(pages, '/api/admin/tasks', 'cookie'), [200, 401]);
  } finally {
    if (DATABASE_URL === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = DATABASE_URL;
  }
});
