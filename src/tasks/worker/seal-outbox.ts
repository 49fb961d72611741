import { randomUUID } from 'node:crypto';
import { chainStart, findHead, type Seal } from '../../audit/seal.ts';
import { sealer } from '../../audit/seal-entries.ts';
import type { Config } from '../../config.ts';
import { auditMessage } from '../../log/log.ts';
import { postSigned } from '../../signed-post.ts';
import type { Outbox, TaskContext } from '../context.ts';

/** How often a new head is sent away. */
const sendEveryMs = 60_000;

/**
 * Seals what is in the audit, says each entry in the log as it is sealed, and sends the head to an
 * address outside, where there is one.
 */
export function sealOutbox(
  contextOf: () => Pick<TaskContext, 'db' | 'log'>,
  {
    BULKHEAD_AUDIT_WEBHOOK_URL: url,
    BULKHEAD_WEBHOOK_SECRET: secret,
  }: Pick<Config, 'BULKHEAD_AUDIT_WEBHOOK_URL' | 'BULKHEAD_WEBHOOK_SECRET'>,
): Outbox {
  let seal: ReturnType<typeof sealer> | null = null;
  // Undefined: whoever was before us may have ended with a head that it had not sent.
  let unsent: Seal | null | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;
  return {
    name: 'the audit',
    listDue: async () => [],
    async deliverNext(pool) {
      const { db, log } = contextOf();
      if (db.auditKeys.name === null) return false;
      seal ??= sealer(db);
      const sealed = await seal(pool);
      for (const entry of sealed) {
        const { nonce: _, mark: __, isWritten, details, atMicros, ...said } = entry;
        const at = new Date(Number(atMicros) / 1_000).toISOString();
        log('info', auditMessage, { ...said, at, details: JSON.parse(details) });
        if (!isWritten)
          log('error', 'an entry of the audit was not written by Bulkhead', { id: entry.id });
      }
      unsent = sealed.at(-1) ?? (unsent === undefined ? await findHead(pool, db) : unsent);
      if (unsent === chainStart) unsent = null;
      if (url && secret && unsent && Date.now() - sentAt > sendEveryMs) {
        const { position, hash } = unsent;
        const timestamp = new Date().toISOString();
        const body = JSON.stringify({ type: 'audit.head', timestamp, data: { position, hash } });
        sentAt = Date.now();
        await postSigned(url, secret, randomUUID(), body);
        unsent = null;
      }
      return sealed.length > 0;
    },
  };
}
