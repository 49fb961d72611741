import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import type { OwnTask } from '../task-row.ts';

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

type Keys = Pick<TaskContext, 'encryptionKeys'>;

/** Encrypts what a task of this name was given, by the first key. */
export function encryptParams({ encryptionKeys: [key] }: Keys, name: string, params: unknown) {
  if (!key) throw noKey();
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(name));
  const text = Buffer.concat([cipher.update(JSON.stringify(params), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, text, cipher.getAuthTag()]).toString('base64');
}

/**
 * What a task was given, its secret parts included. Throws AppError 'no-encryption-key' (503): it
 * was encrypted by none of the keys that this process has.
 */
export async function givenParams(
  { db: { t }, encryptionKeys }: TaskContext,
  client: Queryable,
  { id, operation, parameters, hasSecrets }: OwnTask,
): Promise<unknown> {
  if (!hasSecrets) return parameters;
  const { rows } = await client.query<{ secrets: string }>(
    `select secrets from ${t.task} where id = $1`,
    [id],
  );
  const encrypted = Buffer.from(rows[0]?.secrets ?? '', 'base64');
  for (const key of encryptionKeys) {
    const text = decrypt(key, operation, encrypted);
    if (text !== null) return JSON.parse(text);
  }
  throw noKey();
}

function decrypt(key: Buffer, name: string, encrypted: Buffer): string | null {
  try {
    const end = encrypted.length - tagBytes;
    const decipher = createDecipheriv(algorithm, key, encrypted.subarray(0, ivBytes))
      .setAAD(Buffer.from(name))
      .setAuthTag(encrypted.subarray(end));
    const text = decipher.update(encrypted.subarray(ivBytes, end));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

function noKey(): AppError {
  return new AppError(
    'no-encryption-key',
    503,
    'BULKHEAD_ENCRYPTION_KEYS has no key that the secret parameters of this task were encrypted with.',
  );
}
