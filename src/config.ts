import { z } from 'zod';
import { addressProblem, hostUrls } from './database-address.ts';
import { AppError } from './errors.ts';
import { settingBounds, wholeBetween } from './limits.ts';
import { nearestOf } from './nearest.ts';
import { bulkQueue, isQueueName } from './queue-names.ts';

const whole = (name: keyof typeof settingBounds) => {
  const [low, high] = settingBounds[name];
  const error = `must be ${wholeBetween(low, high)}`;
  return z.coerce.number({ error }).int({ error }).min(low, { error }).max(high, { error });
};

const share = { error: 'must be a number above 0 and at most 1' };

/**
 * The driver takes these words of TLS for `verify-full` and warns of it at length, at every start:
 * said outright, it need not.
 */
const addressOf = ({ isOfStandbys }: { isOfStandbys: boolean }) =>
  z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
    .superRefine((url, { addIssue }) => {
      const message = addressProblem(url, isOfStandbys);
      if (message !== null) addIssue({ code: 'custom', message });
    })
    .transform((url) =>
      url.includes('uselibpqcompat=true')
        ? url
        : url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, '$1verify-full'),
    );
const address = addressOf({ isOfStandbys: false });

/** `mail,reports`: names of queues, `bulk` among them where it is to do bulk work. */
const queueList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .refine((names) => names.every((name) => name === bulkQueue || isQueueName(name)), {
    error: `must be names of queues with commas between, such as ${bulkQueue},default`,
  });

const webAddress = z.string().refine((url) => /^https?:\/\//.test(url) && URL.canParse(url), {
  error: 'must be an address that begins with https:// or http://',
});

/** As Standard Webhooks has it. */
function isWebhookSecret(text: string): boolean {
  const [, key = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const { length } = Buffer.from(key, 'base64');
  return length >= 24 && length <= 64;
}

/** Before the path of every page. */
export const prefixPattern = /^(\/[A-Za-z0-9_-]+)*$/;

/** Where the pages are reached, without the prefix. */
const baseAddress = z
  .string()
  .regex(
    /^https?:\/\/[^/?#@\s]+\/?$/,
    'must be http:// or https:// and a host, without a path, such as https://admin.example.com',
  )
  .transform((url) => url.replace(/\/$/, ''));

/** Never said again, not even where one is wrong. */
const keyList = z
  .string()
  .transform((text) => text.split(',').map((key) => key.trim()))
  .refine((keys) => keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key)), {
    error: 'must be keys of 32 bytes each in base64, with commas between',
  })
  .transform((keys) => keys.map((key) => Buffer.from(key, 'base64')));

/** The first signs, all are known. */
const secretList = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .refine((secrets) => secrets.every((secret) => secret.length >= 32), {
    error: 'must be secrets of at least 32 characters each, with commas between',
  });

/** Every setting, by its environment variable: what it is, its unit in the name, its default. */
const settings = z.object({
  DATABASE_URL: address.optional(),
  DIRECT_DATABASE_URL: address.optional(),
  READ_DATABASE_URL: addressOf({ isOfStandbys: true })
    .refine((url) => hostUrls(url).every((one) => URL.canParse(one)), {
      error: 'must be an address, such as postgresql://reader:password@standby:5432/database',
    })
    .optional(),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: whole('PORT').default(3000),
  BULKHEAD_DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,40}$/, 'must be a plain lower-case name')
    .default('bulkhead'),
  BULKHEAD_FOLDER: z.string().min(1).default('.bulkhead'),
  BULKHEAD_PREFIX: z
    .string()
    .regex(
      prefixPattern,
      'must be empty, or a slash and letters, digits, hyphens and underscores, any number of times, such as /admin',
    )
    .default(''),
  BULKHEAD_BASE_URL: baseAddress.optional(),
  BULKHEAD_SESSION_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  BULKHEAD_ENCRYPTION_KEYS: keyList.optional(),
  BULKHEAD_AUDIT_SECRETS: secretList.optional(),
  BULKHEAD_SESSION_HOURS: whole('BULKHEAD_SESSION_HOURS').default(12),
  BULKHEAD_SESSION_DAYS: whole('BULKHEAD_SESSION_DAYS').default(7),
  BULKHEAD_SECURE_COOKIES: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true'),
  BULKHEAD_RELOAD_VIEWS: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true'),
  BULKHEAD_PAGES_POOL_SIZE: whole('BULKHEAD_PAGES_POOL_SIZE').default(10),
  BULKHEAD_READ_MAX_LAG_MS: whole('BULKHEAD_READ_MAX_LAG_MS').default(60_000),
  BULKHEAD_WORKER_CONCURRENCY: whole('BULKHEAD_WORKER_CONCURRENCY').default(2),
  BULKHEAD_PLACES: whole('BULKHEAD_PLACES').optional(),
  BULKHEAD_WORKER_MAX_TASKS: whole('BULKHEAD_WORKER_MAX_TASKS').optional(),
  BULKHEAD_WORKER_MAX_MEMORY_MB: whole('BULKHEAD_WORKER_MAX_MEMORY_MB').optional(),
  BULKHEAD_WORKER_POOL_SIZE: whole('BULKHEAD_WORKER_POOL_SIZE').optional(),
  BULKHEAD_QUEUES: queueList.optional(),
  BULKHEAD_BACKGROUND: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('true')
    .transform((text) => text === 'true'),
  BULKHEAD_BACKEND: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'must be the name of a backend, or auto')
    .default('auto'),
  BULKHEAD_MIN_ASYNC_RECORDS: whole('BULKHEAD_MIN_ASYNC_RECORDS').default(20),
  BULKHEAD_INLINE_MAX_CONCURRENT: whole('BULKHEAD_INLINE_MAX_CONCURRENT').default(4),
  BULKHEAD_PARALLELISM: whole('BULKHEAD_PARALLELISM').default(1),
  BULKHEAD_CHUNK_SIZE: whole('BULKHEAD_CHUNK_SIZE').default(1_000),
  BULKHEAD_COUNT_LIMIT: whole('BULKHEAD_COUNT_LIMIT').default(10_000),
  BULKHEAD_SLICE_MS: whole('BULKHEAD_SLICE_MS').default(30_000),
  BULKHEAD_CHUNK_TARGET_MS: whole('BULKHEAD_CHUNK_TARGET_MS').default(15),
  BULKHEAD_STOP_RATIO: z.coerce.number(share).gt(0, share).max(1, share).default(0.5),
  BULKHEAD_LOCK_TIMEOUT_MS: whole('BULKHEAD_LOCK_TIMEOUT_MS').default(5_000),
  BULKHEAD_TASK_LIMIT_MS: whole('BULKHEAD_TASK_LIMIT_MS').optional(),
  BULKHEAD_STATEMENT_TIMEOUT_MS: whole('BULKHEAD_STATEMENT_TIMEOUT_MS').default(30_000),
  BULKHEAD_MAX_QUEUED: whole('BULKHEAD_MAX_QUEUED').default(500),
  BULKHEAD_MAX_QUEUED_PER_USER: whole('BULKHEAD_MAX_QUEUED_PER_USER').default(50),
  BULKHEAD_MAX_DEATHS: whole('BULKHEAD_MAX_DEATHS').default(5),
  BULKHEAD_RECOVERY_INTERVAL_MS: whole('BULKHEAD_RECOVERY_INTERVAL_MS').default(500),
  BULKHEAD_STALE_AFTER_MS: whole('BULKHEAD_STALE_AFTER_MS').default(15_000),
  BULKHEAD_UNDO_RETENTION_DAYS: whole('BULKHEAD_UNDO_RETENTION_DAYS').default(7),
  BULKHEAD_HISTORY_RETENTION_DAYS: whole('BULKHEAD_HISTORY_RETENTION_DAYS').default(365),
  BULKHEAD_HISTORY_RETENTION_COUNT: whole('BULKHEAD_HISTORY_RETENTION_COUNT').optional(),
  BULKHEAD_CLEANUP_INTERVAL_MS: whole('BULKHEAD_CLEANUP_INTERVAL_MS').default(300_000),
  BULKHEAD_AUDIT_RETENTION_DAYS: whole('BULKHEAD_AUDIT_RETENTION_DAYS').default(730),
  BULKHEAD_SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/[^\s/]+/, 'must begin with smtp:// or smtps://')
    .optional(),
  BULKHEAD_MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*[^\s@<>]@[^\s@<>]+>?$/, 'must be an address, such as Shop <shop@example.com>')
    .optional(),
  BULKHEAD_WEBHOOK_URL: webAddress.optional(),
  BULKHEAD_AUDIT_WEBHOOK_URL: webAddress.optional(),
  BULKHEAD_WEBHOOK_SECRET: z
    .string()
    .refine(isWebhookSecret, {
      error: 'must be whsec_ and 24 to 64 bytes in base64',
    })
    .optional(),
  BULKHEAD_STRICT: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true'),
  BULKHEAD_PROBE_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  BULKHEAD_PROBE_PORT: whole('BULKHEAD_PROBE_PORT').optional(),
  BULKHEAD_QUEUED_WARN_MS: whole('BULKHEAD_QUEUED_WARN_MS').default(600_000),
  BULKHEAD_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be debug, info, warn, error or silent',
    })
    .default('warn'),
});

export type Config = z.infer<typeof settings>;

/** What is wrong with a value of one, said in code; null: nothing is. */
export function settingProblem(name: keyof Config, value: unknown): string | null {
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  const parsed = settings.shape[name].safeParse(isPlain ? String(value) : 'none');
  return parsed.success ? null : (parsed.error.issues[0]?.message ?? 'cannot be used');
}

/** Names of all settings, for the docs and the test that compares them. */
export const settingNames = Object.keys(settings.shape) as (keyof Config)[];

/**
 * Reads the environment once. All bad settings are named at once in AppError 'invalid-settings'.
 */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    settingNames.map((name) => [name, env[name] === '' ? undefined : env[name]]),
  );
  const parsed = settings.safeParse(given);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new AppError(
    'invalid-settings',
    500,
    `Settings that cannot be used: ${wrong.join('; ')}.`,
    { wrong },
  );
}

/** Names that tests and benches of Bulkhead itself read. */
const ownNames = /^BULKHEAD_(TEST_|BENCH_|BROWSER$)/;

/** A sentence for each setting of the environment that looks like ours and is none. */
export function unknownSettings(env: Record<string, string | undefined>): string[] {
  return Object.keys(env)
    .filter(
      (name) =>
        name.startsWith('BULKHEAD_') &&
        !ownNames.test(name) &&
        !settingNames.includes(name as keyof Config),
    )
    .sort()
    .map((name) => {
      const nearest = nearestOf(name, settingNames);
      return `There is no setting ${name}${nearest ? ` (did you mean ${nearest}?)` : ''}: it is ignored.`;
    });
}

/** Throws AppError 'invalid-settings' for settings that there are not, where that is asked for. */
export function assertKnownSettings(
  { BULKHEAD_STRICT }: Pick<Config, 'BULKHEAD_STRICT'>,
  env: Record<string, string | undefined>,
): void {
  const unknown = BULKHEAD_STRICT ? unknownSettings(env) : [];
  if (unknown.length === 0) return;
  const wrong = unknown.map((sentence) => sentence.replace(': it is ignored.', ''));
  throw new AppError(
    'invalid-settings',
    500,
    `Settings that cannot be used: ${wrong.join('; ')}. BULKHEAD_STRICT refuses them.`,
    { wrong },
  );
}
