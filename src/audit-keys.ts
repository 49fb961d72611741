import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * What signs entries and seals: the first of the secrets writes, all of them read. They are nowhere
 * in the database.
 */
export interface AuditKeys {
  /** Null: there is no secret, and nothing is signed. */
  sign(text: string): string | null;
  isSigned(text: string, given: string): boolean;
  /** Name of the secret that signs; null: there is none. */
  readonly name: string | null;
  /** Is the secret of this name among them? */
  knows(name: string): boolean;
}

export function auditKeys(secrets: readonly string[]): AuditKeys {
  const [first] = secrets;
  const by = (secret: string, text: string) =>
    createHmac('sha256', secret).update(text).digest('hex');
  const nameOf = (secret: string) => by(secret, 'name').slice(0, 12);
  return {
    name: first === undefined ? null : nameOf(first),
    knows: (name) => secrets.some((secret) => nameOf(secret) === name),
    sign: (text) => (first === undefined ? null : by(first, text)),
    isSigned: (text, given) =>
      secrets.some((secret) => {
        const [one, other] = [Buffer.from(by(secret, text)), Buffer.from(given)];
        return one.length === other.length && timingSafeEqual(one, other);
      }),
  };
}
