import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import {
  type Act,
  activateUser,
  addUser,
  changeUser,
  deactivateUser,
  endSessions,
  setPassword,
} from '../../auth/change-users.ts';
import { getUser, listUsers } from '../../auth/find-users.ts';
import { listSessions, sessionDigest } from '../../auth/user-sessions.ts';
import { mayKeepUsers, type UserValues } from '../../auth/users.ts';
import { AppError, notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import type { Body } from '../form.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { peopleData } from './people.ts';
import { parsePeopleQuery } from './people-query.ts';
import { peopleTexts } from './people-texts.ts';
import { type PersonFormParts, personData } from './person.ts';
import {
  type FieldErrors,
  newPersonData,
  personConflict,
  readShown,
  readTyped,
  type TypedPerson,
  typedIn,
} from './person-form.ts';

type OfPerson = { Params: { id: string }; Body: Body | undefined };
type OfSession = { Params: { id: string; session: string }; Body: Body | undefined };

/** Who may sign in on our own page, kept by admins. */
export const peopleRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context: { db }, url },
) => {
  app.addHook('onRequest', async (request) => {
    if (!mayKeepUsers(principalOf(request))) throw notFound();
  });
  const actOf = (request: FastifyRequest): Act => ({ db, by: principalOf(request) });
  const partsOf = (request: FastifyRequest) => {
    const principal = principalOf(request);
    const { timeZone } = readerOf(principal);
    const ownSession = sessionDigest(request.session.sessionId);
    return { url, now: new Date(), timeZone, ownId: principal.id, ownSession };
  };

  app.get<{ Querystring: Record<string, unknown> }>('/tasks/people', async (request, reply) => {
    const query = parsePeopleQuery(request.query);
    const found = await listUsers(db, query, { page: query.page, limit: limits.shown.people });
    if (wantsJson(request)) return { people: found.users, hasMore: found.hasMore };
    return reply.page('people/index', peopleData(found, query, partsOf(request)));
  });

  app.get('/tasks/people/new', (_request, reply) => reply.page('people/new', newPersonData(url)));

  app.post<{ Body: Body | undefined }>('/tasks/people/new', async (request, reply) => {
    const body = request.body ?? {};
    const typed = typedIn(body);
    const { values, errors } = readTyped(typed);
    const password = textsOf(body.password)[0] ?? '';
    try {
      refuse(errors);
      const { id, name } = await addUser(actOf(request), { ...values, password });
      return done(request, reply, id, peopleTexts.wasAdded(name));
    } catch (error) {
      const refusal = shownRefusal(request, error);
      return reply
        .code(refusal.status)
        .page('people/new', newPersonData(url, { typed, errors: refusal.errors }));
    }
  });

  app.get<OfPerson>('/tasks/people/:id', async (request, reply) => {
    if (!wantsJson(request)) return showPerson(request, reply);
    const person = await getUser(db, request.params.id);
    return { person, sessions: await listSessions(db, person.id, limits.shown.sessions) };
  });

  app.post<OfPerson>('/tasks/people/:id', async (request, reply) => {
    const { id } = request.params;
    const body = request.body ?? {};
    const typed = typedIn(body);
    const { values, errors } = readTyped(typed);
    const was = readShown(body);
    try {
      refuse(errors);
      const { name, roles } = await changeUser(actOf(request), id, values, was);
      const isOut = id === principalOf(request).id && !mayKeepUsers({ roles });
      return done(request, reply, id, peopleTexts.wasSaved(name), isOut ? '/' : undefined);
    } catch (error) {
      const refusal = shownRefusal(request, error);
      return showPerson(request, reply.code(refusal.status), formAgain(typed, was, refusal));
    }
  });

  app.post<OfPerson>('/tasks/people/:id/password', async (request, reply) => {
    const { id } = request.params;
    const { session } = request;
    const isOwn = id === principalOf(request).id;
    const password = textsOf(request.body?.password)[0] ?? '';
    try {
      const but = isOwn ? sessionDigest(session.sessionId) : null;
      const mark = await setPassword(actOf(request), id, password, but);
      if (isOwn) session.passwordMark = mark;
    } catch (error) {
      const { status, errors } = shownRefusal(request, error);
      return showPerson(request, reply.code(status), { errors });
    }
    const { name } = await getUser(db, id);
    return done(request, reply, id, peopleTexts.passwordSet(name));
  });

  app.post<OfPerson>('/tasks/people/:id/deactivation', async (request, reply) => {
    const { name } = await deactivateUser(actOf(request), request.params.id);
    return done(request, reply, request.params.id, peopleTexts.wasDeactivated(name));
  });

  app.post<OfPerson>('/tasks/people/:id/activation', async (request, reply) => {
    const { name } = await activateUser(actOf(request), request.params.id);
    return done(request, reply, request.params.id, peopleTexts.wasActivated(name));
  });

  app.post<OfPerson>('/tasks/people/:id/sessions/ending', async (request, reply) => {
    const but = sessionDigest(request.session.sessionId);
    const count = await endSessions(actOf(request), request.params.id, { but });
    return done(request, reply, request.params.id, peopleTexts.ended(count));
  });

  app.post<OfSession>('/tasks/people/:id/sessions/:session/ending', async (request, reply) => {
    const { id, session: only } = request.params;
    const count = await endSessions(actOf(request), id, { only });
    return done(request, reply, id, peopleTexts.ended(count));
  });

  async function showPerson(
    request: FastifyRequest<OfPerson>,
    reply: FastifyReply,
    form: PersonFormParts = {},
  ): Promise<FastifyReply> {
    const user = await getUser(db, request.params.id);
    const sessions = await listSessions(db, user.id, limits.shown.sessions);
    return reply.page('people/edit', personData(user, sessions, partsOf(request), form));
  }

  function done(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    message: string,
    to = `/tasks/people/${id}`,
  ): FastifyReply {
    if (wantsJson(request)) return reply.send({ id, message });
    return reply.flash('success', message).redirect(url(to), 303);
  }
};

/** What a form is shown again with. */
interface RefusedForm {
  status: number;
  errors: FieldErrors;
  /** Somebody as another has made them meanwhile. */
  now: UserValues | undefined;
}

function refuse(errors: FieldErrors): void {
  if (Object.keys(errors).length === 0) return;
  const message = Object.values(errors).join(' ');
  throw new AppError('invalid-user', 422, message, { fieldErrors: errors });
}

/** Throws whatever is no form's to show. */
function shownRefusal(request: FastifyRequest, error: unknown): RefusedForm {
  if (!(error instanceof AppError) || wantsJson(request)) throw error;
  const { fieldErrors, now } = error.details;
  if (!fieldErrors && !now) throw error;
  return { status: error.status, errors: fieldErrors ?? {}, now };
}

function formAgain(
  typed: TypedPerson,
  was: UserValues | undefined,
  { errors, now }: RefusedForm,
): PersonFormParts {
  return was && now ? { conflict: personConflict(was, now, typed) } : { typed, errors };
}
