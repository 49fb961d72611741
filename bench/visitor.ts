import type { LightMyRequestResponse } from 'fastify';
import admin from '../src/admin.ts';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { parseConfig } from '../src/config.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { cookieOf, csrfOf, formBody, htmx } from '../src/testing/app.ts';

const account = { email: 'ada@example.test', password: 'a long password of the bench' };

/** Somebody signed in at the sample's pages, within this process. */
export interface BenchVisitor {
  get(url: string): Promise<LightMyRequestResponse>;
  post(url: string, body: Record<string, string | string[]>): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

export async function benchVisitor(context: TaskContext): Promise<BenchVisitor> {
  await createUser(context.db, { ...account, name: 'Ada', roles: ['admin'] });
  const config = parseConfig({
    BULKHEAD_SESSION_SECRET: 'a secret of benches that is long enough',
    BULKHEAD_LOG_LEVEL: 'error',
  });
  const app = await buildApp({ admin, config, context });
  const form = await app.inject('/sign-in');
  const body = formBody({ ...account, _csrf: csrfOf(form.body) });
  const signedIn = await app.inject({
    method: 'POST',
    url: '/sign-in',
    payload: body.payload,
    headers: { ...body.headers, cookie: cookieOf(form) },
  });
  const cookie = cookieOf(signedIn);
  const csrf = csrfOf((await app.inject({ url: '/', headers: { cookie } })).body);
  return {
    get: async (url) => app.inject({ url, headers: { cookie, ...htmx } }),
    post: async (url, given) => {
      const { payload, headers } = formBody({ _csrf: csrf, ...given });
      return app.inject({
        method: 'POST',
        url,
        payload,
        headers: { ...headers, cookie, accept: 'application/json' },
      });
    },
    close: () => app.close(),
  };
}
