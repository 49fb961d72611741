import { minPasswordLength } from '../../auth/users.ts';
import type { SiteUrl } from '../url.ts';
import { shellTexts } from './shell-texts.ts';

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
  {
    email = '',
    next = '',
    kept = '',
    error = null as string | null,
    notice = null as string | null,
  },
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
  fields: readonly AccountField[];
  words: typeof shellTexts;
}

interface AccountField {
  name: 'name' | 'email' | 'password';
  label: string;
  type: string;
  value: string;
  autocomplete: string;
  error: string | null;
  /** Shown where nothing is wrong. */
  hint: string | null;
}

export function firstAdminData(
  url: SiteUrl,
  token: string,
  { email = '', name = '', errors = {} as Record<string, string> },
): FirstAdminData {
  const labels = {
    name: shellTexts.name,
    email: shellTexts.email,
    password: shellTexts.password,
  };
  const field = (
    name: AccountField['name'],
    type: string,
    value: string,
    autocomplete: string,
    hint: string | null = null,
  ): AccountField => ({
    name,
    label: labels[name],
    type,
    value,
    autocomplete,
    error: errors[name] ?? null,
    hint,
  });
  return {
    title: shellTexts.firstAdminHeading,
    action: url('/first-admin'),
    token,
    fields: [
      field('name', 'text', name, 'name'),
      field('email', 'email', email, 'username'),
      field('password', 'password', '', 'new-password', shellTexts.passwordHint(minPasswordLength)),
    ],
    words: shellTexts,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'sign-in/new': SignInData;
    'first-admin/new': FirstAdminData;
  }
}
