import { createHmac, timingSafeEqual } from 'node:crypto';

/** Parts a form's token from the mark of whom it was made for. */
const joint = '~';

/**
 * Says in a form's token for whom it was made, also after the session that the token belongs to.
 */
export interface FormOwners {
  /** The token with its owner's mark. */
  sign(token: string, principalId: string): string;
  isOwner(token: string, principalId: string): boolean;
}

export function formOwners(secret: string): FormOwners {
  const markOf = (principalId: string) =>
    createHmac('sha256', secret).update(`form of ${principalId}`).digest('base64url');
  return {
    sign: (token, principalId) => `${token}${joint}${markOf(principalId)}`,
    isOwner(token, principalId) {
      const given = Buffer.from(markIn(token));
      const wanted = Buffer.from(markOf(principalId));
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}

export function withoutMark(token: string): string {
  return token.split(joint)[0] ?? '';
}

export function isMarked(token: string): boolean {
  return markIn(token) !== '';
}

function markIn(token: string): string {
  return token.split(joint)[1] ?? '';
}
