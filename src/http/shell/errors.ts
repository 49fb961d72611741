import type { FastifyRequest } from 'fastify';
import type { AppError } from '../../errors.ts';
import { type KeptForm, tokenIn } from '../kept-form.ts';
import type { SiteUrl } from '../url.ts';
import { type KeptFormData, keptFormData } from './kept.ts';
import { shellTexts } from './shell-texts.ts';

/**
 * After these the same form may be taken. Its token stays what it was: an error is no reason to
 * give one.
 */
const again = [401, 429, 500, 503];

export interface ErrorData {
  title: string;
  status: number;
  message: string;
  /** Only where somebody may want to report it. */
  requestId: string | null;
  words: typeof shellTexts;
  /** `isLeading`: away, from a dialog too, which others close. */
  back: { href: string; label: string; isLeading?: boolean };
  /**
   * The form that met the error, to be sent again; null: there was none, or it is the form that was
   * refused.
   */
  kept: (KeptFormData & { csrf: string }) | null;
  /** What was typed into a form that is too large to be taken. */
  typed: readonly { name: string; value: string }[];
}

export function errorData(
  error: AppError,
  request: FastifyRequest,
  url: SiteUrl,
  { form, signIn }: { form: KeptForm | null; signIn: string | null },
): ErrorData {
  const referrer = sameSite(request, url);
  return {
    title: shellTexts.errorTitles[error.status] ?? shellTexts.wentWrong,
    status: error.status,
    message: error.message,
    requestId: error.status >= 500 ? request.id : null,
    words: shellTexts,
    kept:
      form && again.includes(error.status)
        ? { ...keptFormData({ ...form, again: null }), csrf: tokenIn(form) }
        : null,
    typed:
      form && error.status === 413
        ? form.pairs
            .filter(([name, value]) => !name.startsWith('_') && value !== '')
            .map(([name, value]) => ({ name, value }))
        : [],
    back: signIn
      ? { href: signIn, label: shellTexts.signIn, isLeading: true }
      : referrer && error.status !== 404
        ? { href: referrer, label: shellTexts.goBack }
        : { href: url('/'), label: shellTexts.goHome },
  };
}

function sameSite({ headers, host }: FastifyRequest, url: SiteUrl): string | null {
  const { referer } = headers;
  if (!referer || !URL.canParse(referer)) return null;
  const from = new URL(referer);
  // A path of two slashes would lead to another site.
  return from.host === host ? url.local(`${from.pathname}${from.search}`) : null;
}

declare module '../pages.ts' {
  interface Pages {
    'errors/show': ErrorData;
  }
}
