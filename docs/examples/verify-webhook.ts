import { createHmac, timingSafeEqual } from 'node:crypto';

const toleranceSeconds = 5 * 60;

/**
 * Is it from us, and of now? `body` is the text as it came, before it was parsed; `secret` is
 * BULKHEAD_WEBHOOK_SECRET.
 */
export function isFromBulkhead(
  headers: Readonly<Record<string, string | undefined>>,
  body: string,
  secret: string,
): boolean {
  const {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatures,
  } = headers;
  if (!id || !seconds || !signatures) return false;
  // Older ones may be sent again by whoever has overheard them.
  if (!(Math.abs(Date.now() / 1_000 - Number(seconds)) <= toleranceSeconds)) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest();
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace('v1,', ''), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
