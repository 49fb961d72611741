import pg from 'pg';
import { buildApp } from '../src/app.ts';
import { createUser } from '../src/auth/users.ts';
import { parseConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/database.ts';
import { cookieOf, csrfOf, formBody } from '../src/testing/app.ts';
import { testContext } from '../src/testing/context.ts';
import { walkingAdmin } from './walking-admin.ts';

/**
 * The pages of the bench of dialogs, in a process of their own. Says where it listens and the
 * sessions of as many people as it was asked for; then, whenever it is asked, what it has used.
 */
const password = 'a password of the bench';
const [connectionString = '', people = '1'] = process.argv.slice(2);
const db = await openDatabase({ connectionString, pagesPoolSize: 10 });
let statements = 0;
const { query } = pg.Pool.prototype;
pg.Pool.prototype.query = function (this: pg.Pool, ...sent: unknown[]) {
  if (this === db.pages) statements++;
  return (query as (...given: unknown[]) => unknown).apply(this, sent);
} as typeof query;

const config = parseConfig({
  BULKHEAD_SESSION_SECRET: 'a secret of the bench that is long enough',
  BULKHEAD_LOG_LEVEL: 'error',
});
const app = await buildApp({
  admin: walkingAdmin,
  config,
  context: testContext(db, {}, {}, walkingAdmin),
});
const cookies: string[] = [];
for (let n = 0; n < Number(people); n++) cookies.push(await signIn(n));
const address = await app.listen({ host: '127.0.0.1', port: 0 });

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuSeconds: (user + system) / 1_000_000, statements });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ address, cookies });

/** Of an address of its own: so many from one would have to wait. */
async function signIn(n: number): Promise<string> {
  const email = `${n}@example.test`;
  await createUser(db, { email, name: `Person ${n}`, password, roles: ['admin'] });
  const remoteAddress = `10.0.${Math.floor(n / 250)}.${(n % 250) + 1}`;
  const form = await app.inject({ url: '/sign-in', remoteAddress });
  const { payload, headers } = formBody({ email, password, _csrf: csrfOf(form.body) });
  const answer = await app.inject({
    method: 'POST',
    url: '/sign-in',
    payload,
    remoteAddress,
    headers: { ...headers, cookie: cookieOf(form) },
  });
  if (answer.statusCode !== 303)
    throw new Error(`signing in was answered ${answer.statusCode}: ${answer.body.slice(0, 300)}`);
  return cookieOf(answer);
}
