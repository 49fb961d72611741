import { createHash, createHmac } from 'node:crypto';
import type { Settings } from './admin-settings.ts';
import type { TaskContext } from './tasks/context.ts';
import { knowledgeOf } from './tasks/known.ts';

/**
 * What must be the same in every process, by the names of its settings, as text: what is secret or
 * long by a hash, which begins with “#”.
 */
export type Agreed = TaskContext['agreed'];

/** Those that all have; the rest is each process's own affair. */
const plain = [
  'BULKHEAD_BASE_URL',
  'BULKHEAD_BACKGROUND',
  'BULKHEAD_MIN_ASYNC_RECORDS',
  'BULKHEAD_INLINE_MAX_CONCURRENT',
  'BULKHEAD_PARALLELISM',
  'BULKHEAD_CHUNK_SIZE',
  'BULKHEAD_COUNT_LIMIT',
  'BULKHEAD_SLICE_MS',
  'BULKHEAD_CHUNK_TARGET_MS',
  'BULKHEAD_STOP_RATIO',
  'BULKHEAD_LOCK_TIMEOUT_MS',
  'BULKHEAD_TASK_LIMIT_MS',
  'BULKHEAD_STATEMENT_TIMEOUT_MS',
  'BULKHEAD_MAX_QUEUED',
  'BULKHEAD_MAX_QUEUED_PER_USER',
  'BULKHEAD_MAX_DEATHS',
  'BULKHEAD_RECOVERY_INTERVAL_MS',
  'BULKHEAD_STALE_AFTER_MS',
  'BULKHEAD_QUEUED_WARN_MS',
  'BULKHEAD_UNDO_RETENTION_DAYS',
  'BULKHEAD_HISTORY_RETENTION_DAYS',
  'BULKHEAD_HISTORY_RETENTION_COUNT',
  'BULKHEAD_CLEANUP_INTERVAL_MS',
  'BULKHEAD_READ_MAX_LAG_MS',
  'BULKHEAD_AUDIT_RETENTION_DAYS',
  'BULKHEAD_MAIL_FROM',
] as const satisfies readonly (keyof Settings)[];

/** Of at least 24 bytes, so that nobody finds what a hash is of. */
const longSecrets = [
  'BULKHEAD_ENCRYPTION_KEYS',
  'BULKHEAD_AUDIT_SECRETS',
  'BULKHEAD_WEBHOOK_SECRET',
] as const;
/** May hold a password as short as somebody made it: so little is kept that it fits thousands. */
const shortSecrets = [
  'BULKHEAD_SMTP_URL',
  'BULKHEAD_WEBHOOK_URL',
  'BULKHEAD_AUDIT_WEBHOOK_URL',
] as const;
/** Those that pages alone have. */
const ofPages = [
  'BULKHEAD_SESSION_HOURS',
  'BULKHEAD_SESSION_DAYS',
  'BULKHEAD_SECURE_COOKIES',
] as const;

const none = 'none';
const said = (value: unknown) => (value === undefined ? none : String(value));

function hashOf(value: unknown, length: number): string {
  if (value === undefined) return none;
  const text = Array.isArray(value) ? value.map(String).join() : String(value);
  return `#${createHmac('sha256', text).update('settings').digest('hex').slice(0, length)}`;
}

/** @param config as the admin has it, which may be nearer than the environment */
export function agreedSettings(
  config: Omit<Settings, 'BULKHEAD_BACKEND'> & Partial<Pick<Settings, 'BULKHEAD_BACKEND'>>,
  context: Omit<TaskContext, 'agreed'>,
): Agreed {
  const { BULKHEAD_BACKEND: backend } = config;
  return {
    code: codeHash(context),
    ...Object.fromEntries([
      ...plain.map((name) => [name, said(config[name])]),
      ...longSecrets.map((name) => [name, hashOf(config[name], 12)]),
      ...shortSecrets.map((name) => [name, hashOf(config[name], 4)]),
    ]),
    BULKHEAD_BACKEND: typeof backend === 'function' ? 'a function' : said(backend),
  };
}

/** The same of a process of pages. */
export function agreedOfPages(
  config: Pick<Settings, (typeof ofPages)[number]>,
  secret: string,
  agreed: Agreed,
): Agreed {
  return {
    ...agreed,
    ...Object.fromEntries(ofPages.map((name) => [name, said(config[name])])),
    BULKHEAD_SESSION_SECRET: hashOf(secret, 12),
  };
}

/** Of what the admin's code declares: models with their fields, what is done to them, tasks and their times. */
function codeHash(context: Omit<TaskContext, 'agreed'>): string {
  const { registry, schedules, hooks, channels } = context;
  const declared = {
    ...knowledgeOf(context),
    fields: registry.list.map(({ slug, model }) => [
      slug,
      model.name,
      Object.values(model.fields).map(({ name, type }) => `${name} ${type}`),
    ]),
    schedules: [...schedules.values()].map(({ name, options }) => [
      name,
      options.cron,
      options.timeZone,
    ]),
    hooks: hooks.map(({ name }) => name),
    channels: channels.list.map(({ name }) => name),
  };
  return `#${createHash('sha256').update(JSON.stringify(declared)).digest('hex').slice(0, 12)}`;
}
