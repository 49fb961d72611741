import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { bulkhead, defineAdmin, defineTask, type Principal } from '../index.ts';
import { fastifyHost, memberOf } from './fastify-host.ts';
import { mountedAdmin } from './mounted-journey.ts';

/**
 * An app with an admin at `/admin` and a page of its own, `/import`, that shows how far a task is:
 * ten steps, of which as many are taken as `POST /steps?to=` says. Who asks is whom the cookie names.
 */
export async function embeddingHost(
  databaseUrl: string,
): Promise<{ address: string; close(): Promise<void> }> {
  process.env.BULKHEAD_SESSION_SECRET ??= 'x'.repeat(40);
  let allowed = 0;
  const importing = defineTask({
    name: 'import',
    params: z.object({}),
    title: 'Import <orders>',
    attempts: 1,
    async run(_, { progress, signal }) {
      for (let done = 0; done < 10; done++) {
        progress(done, 10);
        while (allowed <= done) await wait(20, null, { signal });
      }
      progress(10, 10);
    },
  });
  const admin = defineAdmin({ ...mountedAdmin, tasks: [importing] });
  const [member, other] = [memberOf('cleo', 'admin'), memberOf('dan', 'guest')];
  const members = new Map([member, other].map((one) => [one.id, one]));
  const app = await fastifyHost(members);
  await app.register(bulkhead, {
    prefix: '/admin',
    admin,
    databaseUrl,
    worker: true,
    getUser: ({ cookies }) => members.get(cookies.member ?? 'cleo'),
    refreshUser: (id) => members.get(id),
  });
  const { tasks } = app.bulkhead;
  const task = await tasks.launch(importing, {}, { principal: member as Principal });
  app.post<{ Querystring: { to: string } }>('/steps', async ({ query }) => {
    allowed = Number(query.to);
    return { allowed };
  });
  app.get('/import', async (_request, reply) => {
    const url = tasks.progressUrl(task.id);
    return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en">
<head>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Import</title>
  <link rel="stylesheet" href="/admin/static/embedded.css">
  <script type="module" src="/admin/static/embedded.js"></script>
</head>
<body>
  <main>
    <h1>Import</h1>
    <div data-bulkhead-progress="${url}"><a href="${url}">How far it is</a></div>
  </main>
</body>
</html>`);
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return { address, close: () => app.close() };
}
