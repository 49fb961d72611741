import { createHmac } from 'node:crypto';

const answerMs = 10_000;

/** Before the secret as others write it: base64 follows. */
const secretStart = 'whsec_';

/**
 * A POST of JSON, signed as Standard Webhooks says (https://www.standardwebhooks.com). Throws where
 * it was not taken. A redirect is none: what is signed for one goes to no other.
 */
export async function postSigned(
  url: string,
  secret: string,
  id: string,
  body: string,
): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Bulkhead',
      ...signedHeaders(secret, id, new Date(), body),
    },
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  }).catch((error: Error) => {
    throw error.cause instanceof Error ? error.cause : error;
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`It was answered ${answer.status}.`);
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
