import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { databaseError } from '../../db/database-error.ts';
import { AppError, notFound } from '../../errors.ts';
import { blame, isTableChanged, sqlstateOf } from '../../tasks/sqlstate.ts';
import { isHtmx, wantsJson } from '../negotiate.ts';
import { errorData } from '../pages/errors.ts';
import { texts } from '../texts.ts';
import type { Url } from '../url.ts';
import { addTrigger } from './page.ts';

const swappedStatuses = [409, 422, 423];

/** The one place where errors become answers. Only an AppError's message is shown. */
export function handleErrors(app: FastifyInstance, url: Url): void {
  app.setErrorHandler((error, request, reply) => {
    const shown = safeError(error);
    if (shown.status >= 500) request.log.error({ err: error, requestId: request.id }, 'request failed');
    return sendError(request, reply, shown, url);
  });
  app.setNotFoundHandler((request, reply) => sendError(request, reply, notFound(), url));
}

function safeError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number };
  const { errors } = texts.shell;
  if (code?.startsWith('FST_CSRF_')) return new AppError('csrf', 403, errors.csrf);
  const met = databaseError(error);
  if (blame(met) === 'passing') return new AppError('busy', 503, errors.busy);
  if (isTableChanged(met)) return new AppError('table-changed', 500, errors['table-changed']);
  // A NUL: no text of PostgreSQL's can hold one, so nothing that is asked for by it is there.
  if (sqlstateOf(met) === '22021') return new AppError('bad-request', 400, errors['bad-request']);
  if (statusCode === 413) return new AppError('too-large', 413, errors['too-large']);
  if (statusCode === 415) return new AppError('wrong-type', 415, errors['wrong-type']);
  if (statusCode === 404) return notFound();
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new AppError('bad-request', 400, errors['bad-request']);
  return new AppError('internal', 500, errors.internal);
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: AppError, url: Url): FastifyReply {
  reply.code(error.status);
  if (wantsJson(request)) {
    const { code, message, details } = error;
    return reply.send({ error: code, message, details, requestId: request.id });
  }
  if (error.status === 401) return sendToSignIn(request, reply, url);
  if (isHtmx(request) && !swappedStatuses.includes(error.status)) {
    addTrigger(reply, 'bulkhead:toast', { level: 'error', message: error.message });
  }
  // Outside the pages, among the static files, there is no page to put it on.
  if (!request.session) return reply.type('text/plain; charset=utf-8').send(error.message);
  return reply.page('errors/show', errorData(error, request, url));
}

function sendToSignIn(request: FastifyRequest, reply: FastifyReply, url: Url): FastifyReply {
  if (isHtmx(request)) return reply.header('HX-Redirect', signInUrl(url, currentPath(request))).send('');
  return reply.redirect(signInUrl(url, request.method === 'GET' ? request.url : ''), 303);
}

function signInUrl(url: Url, next: string): string {
  const isWorthGoing = next !== '' && next !== url('/') && next !== url('');
  return url(isWorthGoing ? `/sign-in?next=${encodeURIComponent(next)}` : '/sign-in');
}

function currentPath({ headers }: FastifyRequest): string {
  const current = headers['hx-current-url'];
  if (typeof current !== 'string' || !URL.canParse(current)) return '';
  const { pathname, search } = new URL(current);
  return `${pathname}${search}`;
}
