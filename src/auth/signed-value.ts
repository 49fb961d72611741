import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a browser keeps for one person, in cookies of these names. */
export interface SignedValues {
  sign(name: string, principalId: string, value: string): string;
  /** Null: altered, of another name or person, or nothing of the kind. */
  open(name: string, principalId: string, signed: string | undefined): string | null;
}

export function signedValues(secret: string): SignedValues {
  const markOf = (...parts: readonly string[]) => macOf(secret, ['kept', ...parts]);
  return {
    sign: (name, principalId, value) => `${value}.${markOf(name, principalId, value)}`,
    open(name, principalId, signed = '') {
      const end = signed.lastIndexOf('.');
      const value = signed.slice(0, Math.max(end, 0));
      return end > 0 && isSame(signed.slice(end + 1), markOf(name, principalId, value))
        ? value
        : null;
    },
  };
}

/** Tokens of forms for one person's browser, which keeps a key; no two tokens are the same. */
export interface FormTokens {
  begin(): string;
  token(key: string, principalId: string): string;
  isOf(token: string, key: string, principalId: string): boolean;
}

export function formTokens(secret: string): FormTokens {
  const tokenOf = (salt: string, key: string, principalId: string) =>
    `${salt}.${macOf(secret, ['form', salt, key, principalId])}`;
  return {
    begin: () => randomBytes(18).toString('base64url'),
    token: (key, principalId) => tokenOf(randomBytes(6).toString('base64url'), key, principalId),
    isOf: (token, key, principalId) =>
      isSame(token, tokenOf(token.split('.')[0] ?? '', key, principalId)),
  };
}

function macOf(secret: string, parts: readonly string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url');
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}
