import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import type { TaskContext } from '../tasks/context.ts';
import { finder, type HealthPart, unset } from './finding.ts';
import { spanInWords } from './span-in-words.ts';

const found = finder('channels');

const connectMs = 3_000;
/** Seals follow within a second where somebody is there to make them. */
const unsealedMs = 300_000;
/** Tried so often without success it is no accident. */
const attempts = 3;

export const channelParts: readonly HealthPart[] = [
  { name: 'notices', check: 'channels', title: 'Notices', look: lookAtNotices },
  { name: 'audit', check: 'channels', title: 'Seals of the audit', look: lookAtAudit },
  {
    ...{ name: 'mail', check: 'channels', title: 'The mail server', look: lookAtMail },
    isAskedFor: true,
  },
  {
    ...{ name: 'webhook', check: 'channels', title: 'The webhook', look: lookAtWebhook },
    isAskedFor: true,
  },
];

async function lookAtNotices({ db: { background, t } }: TaskContext) {
  const { rows } = await background.query<{ channel: string; count: number }>(
    `select channel, count(*)::int as count from (select channel from ${t.notice} where state = 'waiting' and attempts >= $1 limit 1000) late group by 1 order by 1`,
    [attempts],
  );
  return {
    findings: rows.map(({ channel, count }) =>
      found(
        `notices-failing:${channel}`,
        `The channel ${channel} does not get through: ${count === 1 ? 'a notice waits' : `${count} notices wait`} after ${attempts} attempts or more.`,
        'See on the page of deliveries what was the matter, and mend it: they are sent again by themselves.',
        '/tasks/deliveries',
      ),
    ),
  };
}

async function lookAtAudit({ db: { background, t, auditKeys } }: TaskContext) {
  if (auditKeys.name === null) return { ...unset, note: 'nothing is sealed: there is no secret' };
  const { rows } = await background.query<{ ms: number }>(
    `select extract(epoch from clock_timestamp() - at)::float8 * 1000 as ms from ${t.audit_entry}
     where id > coalesce((select max(entry_id) from ${t.audit_seal}), 0) order by id limit 1`,
  );
  const ms = rows[0]?.ms ?? 0;
  const findings =
    ms < unsealedMs
      ? []
      : [
          found(
            'audit-unsealed',
            `Entries of the audit have waited for their seals for ${spanInWords(ms)}.`,
            'See in the log why: no process runs that seals, or BULKHEAD_AUDIT_SECRETS lacks the secret of those before.',
            '/tasks/audit',
          ),
        ];
  return { findings };
}

async function lookAtMail({ channels, config: { BULKHEAD_SMTP_URL: url } }: TaskContext) {
  if (!url || !channels.list.some(({ name }) => name === 'email')) return unset;
  const { host } = new URL(url);
  const transport = createTransport({
    url,
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: connectMs,
  });
  try {
    await transport.verify();
    return { findings: [], note: host };
  } catch (error) {
    return {
      findings: [
        found(
          'mail-server',
          `The mail server ${host} cannot be used (${codeOf(error)}).`,
          'See that it runs, and that BULKHEAD_SMTP_URL has its address and what signs in to it.',
        ),
      ],
    };
  } finally {
    transport.close();
  }
}

async function lookAtWebhook({ channels, config: { BULKHEAD_WEBHOOK_URL: url } }: TaskContext) {
  if (!url || !channels.list.some(({ name }) => name === 'webhook')) return unset;
  const { hostname, port, protocol, host } = new URL(url);
  const error = await connects(hostname, Number(port || (protocol === 'https:' ? 443 : 80)));
  if (error === null) return { findings: [], note: host };
  return {
    findings: [
      found(
        'webhook',
        `Nobody answers at ${host}, where the webhook posts (${error}).`,
        'See that it runs, and that BULKHEAD_WEBHOOK_URL has its address.',
      ),
    ],
  };
}

/** Null: somebody listens there. */
function connects(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMs });
    const end = (answer: string | null) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error) => end(codeOf(error)));
  });
}

/** What an address or a password may stand in is not said. */
function codeOf(error: unknown): string {
  const { code, responseCode } = (error ?? {}) as { code?: string; responseCode?: number };
  return [code ?? 'unknown', responseCode].filter(Boolean).join(' ');
}
