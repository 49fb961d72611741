import type { AskedPeople } from '../auth/people.ts';
import type { SiteUrl } from './url.ts';

/** Where somebody signs in who then begins at home; null: it is not known. */
export function signInHref(
  { isOurs, signInUrl }: Pick<AskedPeople, 'isOurs' | 'signInUrl'>,
  url: SiteUrl,
): string | null {
  return isOurs ? url('/sign-in') : (signInUrl?.(url('/')) ?? null);
}
