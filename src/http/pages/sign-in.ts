import { shortestPassword } from '../../auth/users.ts';
import { shellTexts } from '../texts/shell.ts';
import type { SiteUrl } from '../url.ts';

export interface SignInData {
  title: string;
  heading: string;
  action: string;
  email: string;
  next: string;
  /** A form that was posted after the session ended, sealed; empty: none. */
  kept: string;
  error: string | null;
  notice: string | null;
  words: typeof shellTexts;
}

export function signInData(
  name: string,
  url: SiteUrl,
  { email = '', next = '', kept = '', error = null as string | null, notice = null as string | null },
): SignInData {
  return {
    title: shellTexts.signIn,
    heading: shellTexts.signInHeading(name),
    action: url('/sign-in'),
    email,
    next,
    kept,
    error,
    notice,
    words: shellTexts,
  };
}

export interface FirstAdminData {
  title: string;
  action: string;
  token: string;
  email: string;
  name: string;
  errors: Readonly<Record<string, string>>;
  passwordHint: string;
  words: typeof shellTexts;
}

export function firstAdminData(
  url: SiteUrl,
  token: string,
  { email = '', name = '', errors = {} as Record<string, string> },
): FirstAdminData {
  return {
    title: shellTexts.firstAdminHeading,
    action: url('/first-admin'),
    token,
    email,
    name,
    errors,
    passwordHint: shellTexts.passwordHint(shortestPassword),
    words: shellTexts,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'sign-in/new': SignInData;
    'first-admin/new': FirstAdminData;
  }
}
