import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../admin.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskContext } from '../tasks/context.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { startWorker, type Worker } from '../tasks/worker/worker.ts';
import type { TestApp } from '../testing/app.ts';
import { testApp } from '../testing/app.ts';
import { ada, finished, insertPrincipals } from '../testing/context.ts';
import { startHookServer } from '../testing/hook-server.ts';
import { startMailServer } from '../testing/mail-server.ts';
import { seededRandom } from '../testing/random.ts';
import { startTransactionPooler } from '../testing/transaction-pooler.ts';
import { until } from '../testing/until.ts';
import { startWorkerProcess } from '../testing/worker-process.ts';
import { lookNow } from './health-report.ts';

const quick = defineTask({ name: 'quick', params: z.object({}), queue: 'mail', run: () => 'done' });
const nightly = defineSchedule({ name: 'nightly', cron: '0 3 * * *', task: quick, params: {} });

interface Site extends TestApp {
  worker: { current: Worker };
  sql(text: string): Promise<unknown>;
}

/** Everything in its place: pages, a worker, a mail server and a webhook that answer. */
async function soundSite(t: TestContext): Promise<Site> {
  const [mails, hooks] = [await startMailServer(), await startHookServer()];
  t.after(async () => {
    await mails.stop();
    await hooks.stop();
  });
  const admin = { ...sample, taskHooks: [], tasks: [quick], schedules: [nightly] };
  const env = {
    BULKHEAD_SMTP_URL: mails.url,
    BULKHEAD_MAIL_FROM: 'shop@x.example',
    BULKHEAD_BASE_URL: 'http://admin.x.example',
    BULKHEAD_WEBHOOK_URL: hooks.url,
    BULKHEAD_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  };
  const notify: ('email' | 'webhook')[] = ['email', 'webhook'];
  const site = await testApp(t, { admin: { ...admin, notify }, env });
  const options = { connectionString: site.connectionString, concurrency: 1, places: 1 };
  const worker = { current: await startWorker(site.context, options) };
  await insertPrincipals(site.db);
  // It has been at work.
  await finished(site.db, (await launchOwn(site.context, quick, {}, { principal: ada })).id);
  return { ...site, worker, sql: (text) => site.db.pages.query(text) };
}

/** What is planted: it gives what takes it back, and the context that looks, where that is another. */
interface Fault {
  readonly name: string;
  readonly finding: RegExp;
  readonly remedy: RegExp;
  plant(site: Site): Promise<{ undo(): Promise<unknown>; context?: TaskContext }>;
}

const bySql = (
  name: string,
  finding: RegExp,
  remedy: RegExp,
  plant: string,
  undo: string,
): Fault => ({
  ...{ name, finding, remedy },
  async plant(site) {
    const at = (text: string) =>
      text.replaceAll('{t}', `"${site.db.schema}"`).replaceAll('{q}', `"${site.db.queueSchema}"`);
    await site.sql(at(plant));
    return { undo: () => site.sql(at(undo)) };
  },
});

const bySetting = (name: string, remedy: RegExp, change: Record<string, unknown>): Fault => ({
  ...{ name, finding: new RegExp(`^settings:${name}$`), remedy },
  plant: async ({ context }) => ({
    undo: async () => undefined,
    context: {
      ...context,
      settings: { ...context.settings, ...change },
      config: { ...context.config, ...change },
    } as TaskContext,
  }),
});

const last = `(select max(migration_name) from {t}._prisma_migrations)`;

const noWorker: Fault = {
  ...{ name: 'no worker', finding: /^no-workers$/, remedy: /npm run work/ },
  async plant({ worker, context, connectionString }) {
    await worker.current.stop();
    return {
      async undo() {
        worker.current = await startWorker(context, {
          connectionString,
          concurrency: 1,
          places: 1,
        });
      },
    };
  },
};

const faults: readonly Fault[] = [
  noWorker,
  {
    ...{ name: 'a frozen worker', finding: /^worker-(hangs|deaf):/, remedy: /end it/ },
    async plant({ connectionString, db }) {
      const frozen = await startWorkerProcess(connectionString, {
        BULKHEAD_STALE_AFTER_MS: '60000',
      });
      await until(
        async () =>
          (await db.pages.query(`select from ${db.t.worker} where loop_at is not null`))
            .rowCount === 2,
      );
      frozen.child.kill('SIGSTOP');
      await db.pages.query(
        `update ${db.t.worker} set loop_at = now() - interval '10 s' where pid = ${frozen.child.pid}`,
      );
      return {
        async undo() {
          frozen.child.kill('SIGCONT');
          await frozen.kill('SIGKILL');
          await until(
            async () => (await db.pages.query(`select from ${db.t.worker}`)).rowCount === 1,
          );
        },
      };
    },
  },
  bySql(
    'a migration that is not applied',
    /^migrations-pending$/,
    /bulkhead -- migrate/,
    `update {t}._prisma_migrations set migration_name = 'x' || migration_name where migration_name = ${last}`,
    `update {t}._prisma_migrations set migration_name = substr(migration_name, 2) where migration_name like 'x%'`,
  ),
  bySql(
    'a migration that was begun',
    /^migrations-failed$/,
    /bulkhead -- migrate/,
    `update {t}._prisma_migrations set finished_at = null where migration_name = ${last}`,
    `update {t}._prisma_migrations set finished_at = now() where finished_at is null`,
  ),
  bySql(
    'tables of a newer version',
    /^migrations-newer$/,
    /version of the others/,
    `insert into {t}._prisma_migrations (id, checksum, migration_name, finished_at) values ('new', 'x', '29991231000000_new', now())`,
    `delete from {t}._prisma_migrations where id = 'new'`,
  ),
  bySql(
    'a migration of another text',
    /^migrations-altered$/,
    /compare the tables/,
    `update {t}._prisma_migrations set checksum = reverse(checksum) where migration_name = ${last}`,
    `update {t}._prisma_migrations set checksum = reverse(checksum) where migration_name = ${last}`,
  ),
  {
    ...{
      name: 'a pooler as the direct address',
      finding: /^direct-is-pooler$/,
      remedy: /DIRECT_DATABASE_URL/,
    },
    async plant({ context, connectionString }) {
      const pooler = await startTransactionPooler(connectionString, 2);
      const config = { ...context.config, DIRECT_DATABASE_URL: pooler.through(connectionString) };
      return { undo: () => pooler.stop(), context: { ...context, config } };
    },
  },
  {
    ...{ name: 'a full pool', finding: /^pool-full$/, remedy: /BULKHEAD_PAGES_POOL_SIZE/ },
    async plant({ db }) {
      const clients = await Promise.all(
        Array.from({ length: db.pages.options.max ?? 0 }, () => db.pages.connect()),
      );
      return {
        undo: async () => {
          for (const client of clients) client.release();
        },
      };
    },
  },
  bySql(
    'a task that stands still',
    /^stands-still:/,
    /See on its page/,
    `with task as (insert into {t}.task (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, started_at)
       values ('cities', 'City', 'update', 'Stands', 'fax', 'x', 'X', '{}', '{}', '{}', 'running', now()) returning id)
     insert into {t}.task_slot (task_id, slot, token, worker_id, taken_at) select task.id, 0, gen_random_uuid(), worker.id, now() from task, {t}.worker;
     alter table {t}.task disable trigger user; update {t}.task set updated_at = now() - interval '11 minutes' where title = 'Stands'; alter table {t}.task enable trigger user`,
    `delete from {t}.task_slot where task_id in (select id from {t}.task where title = 'Stands'); update {t}.task set state = 'failed', finished_at = now() where title = 'Stands'`,
  ),
  {
    ...{ name: 'a task that waits for long', finding: /^waits-long:/, remedy: /BULKHEAD_PLACES/ },
    async plant({ context, db, sql, worker, connectionString }) {
      await worker.current.stop();
      const { id } = await launchOwn(context, quick, {}, { principal: ada });
      worker.current = await startWorker(context, {
        connectionString,
        concurrency: 1,
        places: 1,
        queues: ['bulk', 'other'],
      });
      await sql(
        `update ${db.t.task_event} set at = now() - interval '1 hour' where task_id = ${id}`,
      );
      await sql(
        `update ${db.t.task} set queued_at = now() - interval '1 hour', created_at = now() - interval '1 hour' where id = ${id}`,
      );
      await sql(`update ${db.t.worker} set queues = null`);
      return {
        async undo() {
          await worker.current.stop();
          worker.current = await startWorker(context, {
            connectionString,
            concurrency: 1,
            places: 1,
          });
          await until(
            async () =>
              (
                await db.pages.query(
                  `select from ${db.t.task} where id = ${id} and finished_at is not null`,
                )
              ).rowCount === 1,
          );
        },
      };
    },
  },
  bySql(
    'a schedule that was not launched',
    /^schedule:nightly$/,
    /have the schedule run/,
    `insert into {t}.schedule (name, cron, time_zone) values ('nightly', '0 3 * * *', 'UTC') on conflict do nothing; insert into {t}.schedule_run (schedule, due_at, state) values ('nightly', now(), 'stopped')`,
    `delete from {t}.schedule_run`,
  ),
  bySql(
    'a hook that was given up',
    /^hook:mirror$/,
    /mend the hook/,
    `insert into {t}.task_delivery (hook, event_id, task_id, name, payload, attempts, parked_at) values ('mirror', 1, 1, 'task:failed', '{}', 10, now())`,
    `delete from {t}.task_delivery where hook = 'mirror'`,
  ),
  bySql(
    'notices that do not get through',
    /^notices-failing:fax$/,
    /page of deliveries/,
    `insert into {t}.notice (event_id, channel, recipient, content, attempts, due_at) values (99, 'fax', '', '{}', 4, now() + interval '1 hour')`,
    `delete from {t}.notice where channel = 'fax'`,
  ),
  {
    ...{ name: 'an audit that is not sealed', finding: /^audit-unsealed$/ },
    remedy: /BULKHEAD_AUDIT_SECRETS/,
    async plant({ worker, context, connectionString, db, sql }) {
      await worker.current.stop();
      await sql(
        `insert into ${db.t.audit_entry} (at, act, origin) values (now() - interval '10 minutes', 'signed-in', 'page')`,
      );
      return {
        async undo() {
          const options = { connectionString, concurrency: 1, places: 1 };
          worker.current = await startWorker(context, options);
          await until(async () => {
            const { rows } = await db.pages.query(
              `select (select max(id) from ${db.t.audit_entry}) = (select max(entry_id) from ${db.t.audit_seal}) as "isSealed"`,
            );
            return rows[0].isSealed;
          });
        },
      };
    },
  },
  bySql(
    'a queue of an older version',
    /^queue-old$/,
    /bulkhead -- migrate/,
    `delete from {q}.migrations where id = (select max(id) from {q}.migrations)`,
    `insert into {q}.migrations (id, ts) select max(id) + 1, now() from {q}.migrations`,
  ),
  bySql(
    'a queue of a newer version',
    /^queue-newer$/,
    /version of the others/,
    `insert into {q}.migrations (id, ts) values (999, now())`,
    `delete from {q}.migrations where id = 999`,
  ),
  {
    ...{
      name: 'a place of a worker that is gone',
      finding: /^stale-slots$/,
      remedy: /Start a process/,
    },
    // A worker would free it before anybody looks.
    async plant(site) {
      const { undo } = await noWorker.plant(site);
      const { task, task_slot: slots } = site.db.t;
      await site.sql(
        `insert into ${slots} (task_id, slot, token, worker_id, taken_at) select id, 9, gen_random_uuid(), gen_random_uuid(), now() - interval '2 minutes' from ${task} where finished_at is not null limit 1`,
      );
      return {
        async undo() {
          await site.sql(`delete from ${slots} where slot = 9`);
          await undo();
        },
      };
    },
  },
  {
    ...{ name: 'a worker that was killed', finding: /^dead-workers$/, remedy: /npm run work/ },
    // A worker would take over before anybody looks.
    async plant(site) {
      const { undo } = await noWorker.plant(site);
      const killed = await startWorkerProcess(site.connectionString);
      await killed.kill('SIGKILL');
      await site.sql(
        `update ${site.db.t.worker} set started_at = now() - interval '2 minutes', seen_at = now() - interval '2 minutes'`,
      );
      return {
        async undo() {
          await undo();
          const { worker } = site.db.t;
          await until(
            async () => (await site.db.pages.query(`select from ${worker}`)).rowCount === 1,
          );
        },
      };
    },
  },
  bySql(
    'records that a task holds though it has ended',
    /^stale-locks$/,
    /lock_set/,
    `insert into {t}.task (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, finished_at)
       values ('cities', 'City', 'update', 'Holds', 'fax', 'x', 'X', '{}', '{}', '{}', 'succeeded', now() - interval '2 minutes');
     insert into {t}.lock_set (task_id, model, is_held) select id, 'City', true from {t}.task where title = 'Holds'`,
    `delete from {t}.lock_set; delete from {t}.task where title = 'Holds'`,
  ),
  bySql(
    'a queue that gives nothing out',
    /^probe-not-taken$/,
    /Start that worker anew/,
    `create function {q}.put_off() returns trigger language plpgsql as $$ begin new.run_at := now() + interval '1 hour'; return new; end $$;
     create trigger put_off before insert or update on {q}._private_jobs for each row execute function {q}.put_off()`,
    'drop function {q}.put_off() cascade',
  ),
  {
    ...{
      name: 'a mail server that is gone',
      finding: /^mail-server$/,
      remedy: /BULKHEAD_SMTP_URL/,
    },
    plant: async ({ context }) => ({
      undo: async () => undefined,
      context: {
        ...context,
        config: { ...context.config, BULKHEAD_SMTP_URL: 'smtp://me:s3cr3t@127.0.0.1:9' },
      },
    }),
  },
  {
    ...{
      name: 'a webhook that nobody answers',
      finding: /^webhook$/,
      remedy: /BULKHEAD_WEBHOOK_URL/,
    },
    plant: async ({ context }) => ({
      undo: async () => undefined,
      context: {
        ...context,
        config: { ...context.config, BULKHEAD_WEBHOOK_URL: 'http://me:s3cr3t@127.0.0.1:9/x' },
      },
    }),
  },
  {
    ...{ name: 'clocks apart', finding: /^clock-skew$/, remedy: /NTP/ },
    async plant() {
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
      return {
        undo: async () => {
          Date.now = now;
        },
      };
    },
  },
  bySetting('stale-after', /BULKHEAD_RECOVERY_INTERVAL_MS/, {
    staleAfterMs: 2_000,
    recoveryIntervalMs: 5_000,
  }),
  bySetting('lock-timeout', /BULKHEAD_LOCK_TIMEOUT_MS/, { lockTimeoutMs: 60_000 }),
  bySetting('chunk-target', /BULKHEAD_STATEMENT_TIMEOUT_MS/, {
    chunkTargetMs: 10_000,
    statementTimeoutMs: 8_000,
  }),
  bySetting('pages-pool', /BULKHEAD_PAGES_POOL_SIZE/, { BULKHEAD_PAGES_POOL_SIZE: 3 }),
  bySetting('undo-retention', /BULKHEAD_HISTORY_RETENTION_DAYS/, { undoRetentionDays: 400 }),
  bySetting('secure-cookies', /https:/, { BULKHEAD_SECURE_COOKIES: true }),
  bySetting('plain-cookies', /BULKHEAD_SECURE_COOKIES/, { BULKHEAD_BASE_URL: 'https://x.example' }),
  bySetting('session-secret', /openssl/, {
    HOST: '0.0.0.0',
    DATABASE_URL: 'postgresql://x',
    BULKHEAD_SESSION_SECRET: undefined,
  }),
  bySetting('example-secret', /openssl/, {
    BULKHEAD_SESSION_SECRET: 'change-me-to-48-letters-that-nobody-can-guess-at',
  }),
  bySetting('mail-from', /BULKHEAD_MAIL_FROM/, { BULKHEAD_MAIL_FROM: undefined }),
  bySetting('webhook-secret', /whsec_/, { BULKHEAD_WEBHOOK_SECRET: undefined }),
];

/** The same order for the same seed. */
function drawn<T>(all: readonly T[], seed: number): T[] {
  const next = seededRandom(seed);
  return all
    .map((one) => ({ one, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

test('doctor finds each fault that is planted, names what to do, and finds nothing where there is none', async (t) => {
  const site = await soundSite(t);
  const seed = Number(process.env.BULKHEAD_TEST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`BULKHEAD_TEST_SEED=${seed}`);
  const seen = async (context = site.context) => (await lookNow(context)).findings;
  const isSound = async (when: string) => {
    const { findings, parts } = await lookNow(site.context);
    const unseen = parts.filter(({ error }) => error !== null);
    assert.deepEqual([findings, unseen], [[], []], when);
  };
  try {
    await isSound('before');
    for (const fault of drawn(faults, seed)) {
      const { undo, context } = await fault.plant(site);
      try {
        const findings = await seen(context);
        const found = findings.find(({ name }) => fault.finding.test(name));
        assert.ok(found, `${fault.name}: ${JSON.stringify(findings)}`);
        assert.match(found.remedy, fault.remedy, fault.name);
        assert.doesNotMatch(JSON.stringify(findings), /s3cr3t|password/, fault.name);
      } finally {
        await undo();
      }
      await isSound(`after ${fault.name}`);
    }
  } finally {
    await site.worker.current.stop();
  }
});
