import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { normalEmail } from './users.ts';

/** Tells a browser that has signed in to an account before from one that only knows its email. */
export interface KnownDevices {
  /** What the browser keeps. */
  issue(email: string): string;
  /** Id of the device; null: it has never signed in to this account. */
  find(email: string, given: string | undefined): string | null;
}

export function knownDevices(secret: string): KnownDevices {
  const markOf = (id: string, email: string) =>
    createHmac('sha256', secret)
      .update(`device ${id} of ${normalEmail(email)}`)
      .digest('base64url');
  return {
    issue(email) {
      const id = randomBytes(12).toString('base64url');
      return `${id}.${markOf(id, email)}`;
    },
    find(email, given = '') {
      const [id = '', mark = ''] = given.split('.');
      const [one, other] = [Buffer.from(mark), Buffer.from(markOf(id, email))];
      return id !== '' && one.length === other.length && timingSafeEqual(one, other) ? id : null;
    },
  };
}
