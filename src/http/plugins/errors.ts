import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isMarked } from '../../auth/form-owner.ts';
import type { AskedPeople } from '../../auth/people.ts';
import { databaseError } from '../../db/database-error.ts';
import { blame, isTableChanged, sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { AppError, notFound } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { ids } from '../ids.ts';
import { type KeptForm, keptFormOf, sealForm, tokenIn } from '../kept-form.ts';
import { isHtmx, wantsJson } from '../negotiate.ts';
import { withSealedSecrets } from '../sealed-secrets.ts';
import { errorData } from '../shell/errors.ts';
import { keptData } from '../shell/kept.ts';
import { keptTexts } from '../shell/kept-texts.ts';
import { shellTexts } from '../shell/shell-texts.ts';
import { signInData } from '../shell/sign-in.ts';
import type { SiteUrl } from '../url.ts';
import { addTrigger } from './page.ts';

const swappedStatuses = [409, 422, 423];

export interface ErrorOptions {
  /** What the admin is called. */
  name: string;
  url: SiteUrl;
  /** Forms that wait for their owner to sign in are sealed with it. */
  secret: string;
  /** Cookies go over HTTPS alone. */
  isHttps: boolean;
  context: Pick<TaskContext, 'registry' | 'definitions' | 'people'>;
}

/** The one place where errors become answers. Only an AppError's message is shown. */
export function handleErrors(app: FastifyInstance, options: ErrorOptions): void {
  const { name, url, context, secret, isHttps } = options;
  app.setErrorHandler(async (error, request, reply) => {
    const shown = safeError(error, isHttps && request.protocol !== 'https');
    if (shown.status >= 500)
      request.log.error({ where: 'request', req: request, err: error }, 'request failed');
    // An attempt to sign in is no reason to lose what waits for it.
    const waiting =
      (request.body as { kept?: unknown; next?: unknown; email?: unknown } | null | undefined) ??
      {};
    if (
      request.routeOptions.config?.isPublic &&
      typeof waiting.kept === 'string' &&
      waiting.kept !== '' &&
      !wantsJson(request)
    ) {
      const [next, email] = [waiting.next, waiting.email].map((text) =>
        typeof text === 'string' ? text : '',
      );
      return reply
        .code(shown.status)
        .page(
          'sign-in/new',
          signInData(name, url, { kept: waiting.kept, next, email, error: shown.message }),
        );
    }
    const form = wantsJson(request)
      ? null
      : await keptFormOf(
          request,
          shown.status === 413 ? limits.form.textFormBytes : limits.form.bytes,
        );
    const { principal } = request;
    const sealing = principal ? { secret, principalId: principal.id } : null;
    const unseen = form && (await withSealedSecrets(form, context, url.prefix, sealing));
    // An answer that is awaited is no value: it is over then.
    if (form && (await isKeptSent(request, reply, shown, form, options))) return reply;
    return sendError(request, reply, shown, url, context.people, unseen);
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(request, reply, notFound(), url, context.people),
  );
}

function safeError(error: unknown, isCookieLost: boolean): AppError {
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number };
  const { errors } = shellTexts;
  // Which servers there are is for the log.
  if (code === 'no-primary') return new AppError('no-primary', 503, errors['no-primary']);
  if (error instanceof AppError) return error;
  if (code?.startsWith('FST_CSRF_'))
    return new AppError('csrf', 403, isCookieLost ? errors['not-https'] : errors.csrf);
  const met = databaseError(error);
  if (blame(met) === 'passing') return new AppError('busy', 503, errors.busy);
  if (isTableChanged(met)) return new AppError('table-changed', 500, errors['table-changed']);
  // A NUL: no text of PostgreSQL's can hold one, so nothing that is asked for by it is there.
  if (sqlstateOf(met) === sqlstate.characterNotInRepertoire)
    return new AppError('bad-request', 400, errors['bad-request']);
  if (statusCode === 413) return new AppError('too-large', 413, errors['too-large']);
  if (statusCode === 415) return new AppError('wrong-type', 415, errors['wrong-type']);
  if (statusCode === 404) return notFound();
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('bad-request', 400, errors['bad-request']);
  return new AppError('internal', 500, errors.internal);
}

function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: AppError,
  url: SiteUrl,
  people: AskedPeople,
  form: KeptForm | null = null,
): FastifyReply {
  reply.code(error.status);
  if (wantsJson(request)) {
    const { code, message, details } = error;
    return reply.send({ error: code, message, details, requestId: request.id });
  }
  const signIn = error.status === 401 ? signInOf(request, url, people) : null;
  // Whoever signs in elsewhere finds what they typed on the page that they left open.
  const isLeft = !people.isOurs && form !== null && isMarked(tokenIn(form));
  if (signIn !== null && !isLeft) return sendTo(request, reply, signIn);
  if (error.status === 401 && isLeft) placeInDialog(reply);
  if (isHtmx(request) && !swappedStatuses.includes(error.status)) {
    addTrigger(reply, 'bulkhead:toast', { level: 'error', message: error.message });
  }
  // Outside the pages, among the static files, there is no page to put it on.
  if (people.isOurs && !request.session)
    return reply.type('text/plain; charset=utf-8').send(error.message);
  return reply.page('errors/show', errorData(error, request, url, { form, signIn }));
}

/**
 * Gives a form back to somebody who must sign in first, or whose token is out of date, with what
 * they typed; false: the form is not theirs.
 */
async function isKeptSent(
  request: FastifyRequest,
  reply: FastifyReply,
  { code, status }: AppError,
  form: KeptForm,
  { name, url, context, secret }: Omit<ErrorOptions, 'isHttps'>,
): Promise<boolean> {
  const token = tokenIn(form);
  if (status === 401 && context.people.isOurs && isMarked(token)) {
    const kept = await sealForm(secret, form);
    const next = isHtmx(request) ? currentPath(request) : '';
    placeInDialog(reply).code(401);
    reply.page('sign-in/new', signInData(name, url, { kept, next, notice: keptTexts.toSignIn }));
    return true;
  }
  const { principal, server } = request;
  if (code !== 'csrf' || !principal || !server.formOwners.isOwner(token, principal.id))
    return false;
  placeInDialog(reply).code(422);
  const unseen = await withSealedSecrets(form, context, url.prefix, {
    secret,
    principalId: principal.id,
  });
  reply.page('kept/show', keptData(unseen, keptTexts.old));
  return true;
}

/** Whatever stood where the form was sent from, what comes back takes a place of its own. */
function placeInDialog(reply: FastifyReply): FastifyReply {
  return reply.header('HX-Retarget', `#${ids.dialogContent}`).header('HX-Reswap', 'innerHTML');
}

/** Null: it is not known where. */
function signInOf(request: FastifyRequest, url: SiteUrl, people: AskedPeople): string | null {
  const next = isHtmx(request) ? currentPath(request) : pathOf(request);
  if (people.isOurs) return signInUrl(url, next);
  return people.signInUrl?.(url.local(next)) ?? null;
}

function sendTo(request: FastifyRequest, reply: FastifyReply, to: string): FastifyReply {
  return isHtmx(request) ? reply.header('HX-Redirect', to).send('') : reply.redirect(to, 303);
}

function pathOf({ method, url }: FastifyRequest): string {
  return method === 'GET' ? url : '';
}

function signInUrl(url: SiteUrl, next: string): string {
  const address = url(`/sign-in?next=${encodeURIComponent(next)}`);
  const isWorthGoing =
    next !== '' &&
    next !== url('/') &&
    next !== url('') &&
    address.length <= limits.server.addressLength;
  return isWorthGoing ? address : url('/sign-in');
}

function currentPath({ headers }: FastifyRequest): string {
  const current = headers['hx-current-url'];
  if (typeof current !== 'string' || !URL.canParse(current)) return '';
  const { pathname, search } = new URL(current);
  return `${pathname}${search}`;
}
