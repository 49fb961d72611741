import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { readRecord } from '../../selection/record.ts';
import type { Launched } from '../../tasks/launched.ts';
import { getButton, type PressedButton } from '../../tasks/launching/launch-buttons.ts';
import { pressButton, runsAtOnce } from '../../tasks/launching/press-button.ts';
import type { Body } from '../form.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { launchData } from './launch.ts';
import { launchNote } from './launch-note.ts';
import { taskJson } from './task.ts';
import { taskTexts } from './tasks-texts.ts';

type ForButton = { Params: { name: string }; Querystring: { _record?: unknown } };

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is said on the form, with what was typed; of another status the error has its own page. */
const saidOnForm = [409, 422, 423, 503];

/** Tasks of the project's own that people launch: a form, and what it is sent to. */
export const launchRoutes: FastifyPluginAsync<RouteOptions> = async (app, { context, url }) => {
  const { registry } = context;

  app.get<ForButton>('/tasks/new/:name', (request, reply) =>
    sendForm(request, reply, buttonOf(request), { operationId: randomUUID(), body: {} }, null),
  );

  app.post<ForButton>('/tasks/new/:name', async (request, reply) => {
    const principal = principalOf(request);
    const pressed = buttonOf(request);
    const body = (request.body ?? {}) as Body;
    const [operationId = randomUUID()] = textsOf(body._op).map((id) => id.toLowerCase());
    try {
      if (!uuid.test(operationId)) throw new AppError('preview-gone', 409, taskTexts.own.formGone);
      const launched = await pressButton(context, pressed, { principal, body, operationId });
      return sendLaunched(request, reply, launched);
    } catch (error) {
      if (wantsJson(request) || !(error instanceof AppError) || !saidOnForm.includes(error.status))
        throw error;
      const again = { operationId: uuid.test(operationId) ? operationId : randomUUID(), body };
      return sendForm(request, reply, pressed, again, error);
    }
  });

  function buttonOf(request: FastifyRequest<ForButton>): PressedButton {
    const [recordId = null] = textsOf(request.query._record);
    return getButton(context, principalOf(request), request.params.name, recordId);
  }

  async function sendForm(
    request: FastifyRequest,
    reply: FastifyReply,
    pressed: PressedButton,
    typed: { operationId: string; body: Body },
    error: AppError | null,
  ) {
    const recordTitle = await titleOf(request, pressed);
    const isAtOnce = runsAtOnce(context, pressed, principalOf(request));
    reply.code(error?.status ?? 200);
    const said = { ...typed, isAtOnce, recordTitle, error, url };
    return reply.page('tasks/launch', launchData(pressed, said));
  }

  /** Throws AppError 'not-found' (404) where the record is out of reach. */
  async function titleOf(
    request: FastifyRequest,
    { resource, key }: PressedButton,
  ): Promise<string | null> {
    if (!resource || key === null) return null;
    const principal = principalOf(request);
    const { title } = await readRecord(registry, resource, principal, key, []);
    return title.trim() || keyToUrl(resource.model, key);
  }

  function sendLaunched(
    request: FastifyRequest,
    reply: FastifyReply,
    { task, outcome }: Launched,
  ): FastifyReply {
    const statusUrl = url(`/tasks/${task.id}`);
    const note = launchNote({ task, outcome });
    if (wantsJson(request))
      return reply.code(202).send({
        ...taskJson(task, new Date()),
        taskId: task.id,
        outcome,
        message: note ?? task.title,
        statusUrl,
      });
    return (note === null ? reply : reply.flash('info', note)).redirect(statusUrl, 303);
  }
};
