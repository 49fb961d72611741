import { createHmac } from 'node:crypto';
import type { Channel, Notice } from './contract.ts';
import { type ChannelSettings, pageUrl } from './settings.ts';

const answerMs = 10_000;

/** Before the secret as others write it: base64 follows. */
const secretStart = 'whsec_';

/**
 * A POST of JSON to one address, signed as Standard Webhooks says
 * (https://www.standardwebhooks.com): whoever receives it can tell whose it is, when it was sent, and
 * that it has come before.
 */
export function webhookChannel(settings: ChannelSettings): Channel {
  const { BULKHEAD_WEBHOOK_URL = '', BULKHEAD_WEBHOOK_SECRET = '' } = settings;
  return {
    name: 'webhook',
    label: 'Webhook',
    reaches: 'one-place',
    async send({ notices: [notice] }) {
      const body = JSON.stringify(payloadOf(notice, settings));
      await post(BULKHEAD_WEBHOOK_URL, body, {
        'content-type': 'application/json',
        'user-agent': 'Bulkhead',
        ...signedHeaders(BULKHEAD_WEBHOOK_SECRET, notice.id, new Date(), body),
      });
    },
  };
}

/** What a webhook says. */
function payloadOf(
  { event, at, by, task }: Notice,
  settings: ChannelSettings,
): Readonly<Record<string, unknown>> {
  return {
    type: event,
    timestamp: at.toISOString(),
    data: { by, task, url: pageUrl(settings, `/tasks/${task.id}`) },
  };
}

/** The time is that of this attempt, so that what was sent long ago can be told from it. */
export function signedHeaders(
  secret: string,
  id: string,
  at: Date,
  body: string,
): Record<string, string> {
  const seconds = Math.floor(at.getTime() / 1_000);
  const key = Buffer.from(secret.slice(secretStart.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
}

/** Throws where it was not taken. A redirect is none: what is signed for one goes to no other. */
async function post(url: string, body: string, headers: Record<string, string>): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  }).catch((error: Error) => {
    throw error.cause instanceof Error ? error.cause : error;
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`It was answered ${answer.status}.`);
}
