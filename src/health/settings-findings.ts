import type { TaskContext, TaskSettings } from '../tasks/context.ts';
import { type Finding, finder, type HealthPart } from './finding.ts';

export const settingsParts: readonly HealthPart[] = [
  {
    ...{ name: 'settings', check: 'settings', title: 'Settings beside each other' },
    look: async ({ config, settings }) => ({ findings: settingsFindings(config, settings) }),
    isAskedFor: true,
  },
];

const found = finder('settings');

/** How each secret begins in the examples, which everybody can read. */
const exampleSecret = /^change-me/;

function exampleSecrets(config: TaskContext['config']): string[] {
  const secrets = {
    BULKHEAD_SESSION_SECRET: config.BULKHEAD_SESSION_SECRET,
    // The first signs.
    BULKHEAD_AUDIT_SECRETS: config.BULKHEAD_AUDIT_SECRETS?.[0],
    BULKHEAD_PROBE_TOKEN: config.BULKHEAD_PROBE_TOKEN,
  };
  return Object.entries(secrets).flatMap(([name, secret]) =>
    exampleSecret.test(secret ?? '') ? [name] : [],
  );
}

const loopback = ['127.0.0.1', '::1', 'localhost'];

/** What each setting may be, and not together with the others. */
export function settingsFindings(config: TaskContext['config'], settings: TaskSettings): Finding[] {
  const known = exampleSecrets(config);
  const isHttps = config.BULKHEAD_BASE_URL?.startsWith('https:');
  const findings = [
    settings.staleAfterMs < 2 * settings.recoveryIntervalMs &&
      found(
        'settings:stale-after',
        `A worker is taken to hang after ${settings.staleAfterMs} ms (BULKHEAD_STALE_AFTER_MS), and looked for only every ${settings.recoveryIntervalMs} ms (BULKHEAD_RECOVERY_INTERVAL_MS).`,
        'Set BULKHEAD_RECOVERY_INTERVAL_MS to half of BULKHEAD_STALE_AFTER_MS at most.',
      ),
    settings.chunkTargetMs >= settings.statementTimeoutMs &&
      found(
        'settings:chunk-target',
        `A chunk is to take ${settings.chunkTargetMs} ms (BULKHEAD_CHUNK_TARGET_MS), and its statements may take ${settings.statementTimeoutMs} ms (BULKHEAD_STATEMENT_TIMEOUT_MS).`,
        'Set BULKHEAD_STATEMENT_TIMEOUT_MS to ten times BULKHEAD_CHUNK_TARGET_MS at least.',
      ),
    settings.lockTimeoutMs >= settings.statementTimeoutMs &&
      found(
        'settings:lock-timeout',
        `A chunk waits ${settings.lockTimeoutMs} ms for a lock (BULKHEAD_LOCK_TIMEOUT_MS), and its statements end after ${settings.statementTimeoutMs} ms (BULKHEAD_STATEMENT_TIMEOUT_MS): a lock that is held counts as a statement that is too slow.`,
        'Set BULKHEAD_LOCK_TIMEOUT_MS lower than BULKHEAD_STATEMENT_TIMEOUT_MS.',
      ),
    settings.inlineMaxConcurrent >= config.BULKHEAD_PAGES_POOL_SIZE &&
      found(
        'settings:pages-pool',
        `Changes within requests may take ${settings.inlineMaxConcurrent} connections (BULKHEAD_INLINE_MAX_CONCURRENT), and pages have ${config.BULKHEAD_PAGES_POOL_SIZE} in all (BULKHEAD_PAGES_POOL_SIZE).`,
        'Set BULKHEAD_PAGES_POOL_SIZE higher than BULKHEAD_INLINE_MAX_CONCURRENT.',
      ),
    settings.undoRetentionDays > settings.historyRetentionDays &&
      found(
        'settings:undo-retention',
        `What tasks changed is to be kept for ${settings.undoRetentionDays} days (BULKHEAD_UNDO_RETENTION_DAYS), and goes after ${settings.historyRetentionDays} (BULKHEAD_HISTORY_RETENTION_DAYS).`,
        'Set BULKHEAD_HISTORY_RETENTION_DAYS as high as BULKHEAD_UNDO_RETENTION_DAYS at least.',
      ),
    config.BULKHEAD_SECURE_COOKIES &&
      isHttps === false &&
      found(
        'settings:secure-cookies',
        'Cookies go over HTTPS alone (BULKHEAD_SECURE_COOKIES), and BULKHEAD_BASE_URL begins with http://: nobody can sign in there.',
        'Let BULKHEAD_BASE_URL begin with https://, or leave BULKHEAD_SECURE_COOKIES out.',
      ),
    !config.BULKHEAD_SECURE_COOKIES &&
      isHttps === true &&
      found(
        'settings:plain-cookies',
        'BULKHEAD_BASE_URL begins with https://, and cookies go over plain HTTP too.',
        'Set BULKHEAD_SECURE_COOKIES to true.',
      ),
    config.DATABASE_URL !== undefined &&
      !loopback.includes(config.HOST) &&
      config.BULKHEAD_SESSION_SECRET === undefined &&
      found(
        'settings:session-secret',
        'BULKHEAD_SESSION_SECRET is not set: each process of pages makes its own, and who has signed in with one is a stranger to the other.',
        'Set BULKHEAD_SESSION_SECRET to the same for every process: openssl rand -base64 32.',
      ),
    known.length > 0 &&
      found(
        'settings:example-secret',
        `${known.join(', ')}: as an example has it, and so known to everybody.`,
        'Set another, the same for every process: openssl rand -base64 36.',
      ),
    config.BULKHEAD_SMTP_URL !== undefined &&
      (config.BULKHEAD_MAIL_FROM === undefined || config.BULKHEAD_BASE_URL === undefined) &&
      found(
        'settings:mail-from',
        `Mails cannot be sent: ${config.BULKHEAD_MAIL_FROM === undefined ? 'BULKHEAD_MAIL_FROM' : 'BULKHEAD_BASE_URL'} is not set.`,
        'Set BULKHEAD_MAIL_FROM to whom they are from, and BULKHEAD_BASE_URL to where the pages are.',
      ),
    config.BULKHEAD_WEBHOOK_URL !== undefined &&
      config.BULKHEAD_WEBHOOK_SECRET === undefined &&
      found(
        'settings:webhook-secret',
        'BULKHEAD_WEBHOOK_URL is set, and BULKHEAD_WEBHOOK_SECRET is not: nothing is posted that nobody can verify.',
        'Set BULKHEAD_WEBHOOK_SECRET to whsec_ and 32 bytes in base64.',
      ),
  ];
  return findings.filter((one) => one !== false);
}
