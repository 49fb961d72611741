import type { FastifyRequest } from 'fastify';
import type { AppError } from '../../errors.ts';
import { shellTexts } from '../texts/shell.ts';
import type { Url } from '../url.ts';

export interface ErrorData {
  title: string;
  status: number;
  message: string;
  /** Only where somebody may want to report it. */
  requestId: string | null;
  words: typeof shellTexts;
  back: { href: string; label: string };
}

export function errorData(error: AppError, request: FastifyRequest, url: Url): ErrorData {
  const referrer = sameSite(request, url);
  return {
    title: shellTexts.errorTitles[error.status] ?? shellTexts.wentWrong,
    status: error.status,
    message: error.message,
    requestId: error.status >= 500 ? request.id : null,
    words: shellTexts,
    back: referrer && error.status !== 404 ? { href: referrer, label: shellTexts.goBack } : { href: url('/'), label: shellTexts.goHome },
  };
}

function sameSite({ headers, host }: FastifyRequest, url: Url): string | null {
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
