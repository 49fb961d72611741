import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { keptSecret } from '../kept-secret.ts';

const fileName = 'audit-secret';

type Named = Pick<Config, 'BULKHEAD_AUDIT_SECRETS' | 'BULKHEAD_FOLDER' | 'DATABASE_URL'>;

/**
 * The setting; for a database of ours, which lasts as long as its folder does, a secret that is made
 * once and kept there. For another, what such a start has left, or none: nothing is sealed then.
 */
export async function auditSecrets(config: Named): Promise<readonly string[]> {
  if (config.BULKHEAD_AUDIT_SECRETS) return config.BULKHEAD_AUDIT_SECRETS;
  if (config.DATABASE_URL === undefined) return [await keptSecret(config, fileName)];
  const kept = await readFile(join(config.BULKHEAD_FOLDER, fileName), 'utf8').catch(() => null);
  return kept === null ? [] : [kept.trim()];
}

/** Said at the start where nothing is sealed; null: all is. */
export const unsealedNote =
  'The audit is not sealed: set BULKHEAD_AUDIT_SECRETS to a secret of at least 32 characters, the same for every process (openssl rand -base64 32 makes one).';
