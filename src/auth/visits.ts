import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Ties forms to the browser of a visitor who is not signed in, without storing anything about them.
 */
export interface Visits {
  /** What the browser keeps. */
  begin(): string;
  /** What its forms carry. */
  token(visit: string): string;
  isOf(token: string, visit: string | undefined): boolean;
}

export function visits(secret: string): Visits {
  const token = (visit: string) =>
    createHmac('sha256', secret).update(`visit ${visit}`).digest('base64url');
  return {
    begin: () => randomBytes(18).toString('base64url'),
    token,
    isOf(given, visit = '') {
      const [one, other] = [Buffer.from(given), Buffer.from(token(visit))];
      return visit !== '' && one.length === other.length && timingSafeEqual(one, other);
    },
  };
}
