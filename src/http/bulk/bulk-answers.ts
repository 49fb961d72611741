import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../../tasks/context.ts';
import type { Launched } from '../../tasks/launched.ts';
import { listLive } from '../../tasks/looking/live.ts';
import { isFinished } from '../../tasks/states.ts';
import { headerJson, isHtmx, wantsJson } from '../negotiate.ts';
import { followUpTexts } from '../tasks/follow-ups-texts.ts';
import { launchNote } from '../tasks/launch-note.ts';
import { finishedData, finishedEvents, progressData } from '../tasks/progress.ts';
import { taskJson } from '../tasks/task.ts';
import { type NamedTask, named } from '../tasks/task-title.ts';
import { taskTexts } from '../tasks/tasks-texts.ts';
import {
  type BulkOutcomeData,
  type BulkRequest,
  explanationData,
  listUrl,
  overlapData,
  refusedData,
} from './bulk.ts';
import { conflictData } from './conflict.ts';

/** What a confirmed dialog or preview leads to: the task, on its own page or in the dialog. */
export async function sendLaunched(
  context: TaskContext,
  request: FastifyRequest,
  reply: FastifyReply,
  about: BulkRequest,
  answer: Launched,
) {
  const { task: launched, outcome } = answer;
  const { url } = about;
  const [task] = (await named(context, about.principal, [launched])) as [NamedTask];
  const now = new Date();
  const statusUrl = url(`/tasks/${task.id}`);
  const finished = isFinished(task.state);
  const note = launchNote(answer);
  if (wantsJson(request)) {
    const message =
      note ??
      (finished
        ? (task.message ?? task.title)
        : taskTexts.processing(task.total ?? task.expected ?? 0));
    return reply
      .code(202)
      .send({ ...taskJson(task, now), taskId: task.id, outcome, message, statusUrl });
  }
  const list = listUrl(about.resource, about.selectionId, about.filter, url);
  const landing = finished ? null : about.resource.afterLaunch(task);
  if (landing === 'list') {
    const message = note ?? taskTexts.processing(task.total ?? task.expected ?? 0);
    const link = { href: statusUrl, label: taskTexts.details };
    reply.keepFlash({ level: 'info', message, link });
    return leadTo(request, reply, list);
  }
  if (!isHtmx(request))
    return (note === null ? reply : reply.flash('info', note)).redirect(statusUrl, 303);
  if (landing === 'task-page' || (finished && about.resource.afterFinish(task) === 'task-page')) {
    if (note !== null) reply.keepFlash({ level: 'info', message: note });
    return leadTo(request, reply, statusUrl);
  }
  if (outcome === 'inline') {
    // An empty dialog closes itself. What was just done at once can be undone by whoever did it.
    const undo =
      task.changed > 0 && about.operation.isUndoable !== false
        ? { href: url(`/tasks/${task.id}/undo`), label: followUpTexts.undo }
        : null;
    const changes =
      task.changed > 0
        ? { href: url(`/tasks/${task.id}/changes`), label: followUpTexts.showChanged(task.changed) }
        : null;
    return reply
      .header(
        'HX-Trigger',
        headerJson({ ...finishedEvents(task, { undo, changes }), 'bulkhead:close-dialog': true }),
      )
      .type('text/html')
      .send('');
  }
  reply
    .code(202)
    .header(
      'HX-Trigger',
      headerJson({ 'bulkhead:launched': { taskId: task.id, resource: task.resource } }),
    );
  return reply.page('bulk/_launched', {
    title: task.title,
    note,
    progress: finished
      ? null
      : progressData(task, { now, url, reader: about.resource.reader }, 'launched'),
    ended: finished ? finishedData(task, now, url) : null,
    close: taskTexts.close,
    listUrl: list,
  });
}

/** To another page as a whole, from a dialog too. */
function leadTo(request: FastifyRequest, reply: FastifyReply, to: string): FastifyReply {
  if (!isHtmx(request)) return reply.redirect(to, 303);
  return reply.header('HX-Redirect', to).type('text/html').send('');
}

/**
 * The error to show on the form itself, with all that was typed; null: the error has a page of its
 * own.
 */
export function saidOnForm(request: FastifyRequest, error: unknown): AppError | null {
  if (!(error instanceof AppError)) return null;
  if (error.code === 'invalid-operation' || error.code === 'queue-full') return error;
  // Of this status, unlike that of a busy server, htmx puts the answer in place.
  if (error.code === 'no-turn')
    return isHtmx(request) ? new AppError('no-turn', 423, error.message) : error;
  return error.code === 'busy' ? new AppError('busy', 423, error.message) : null;
}

/** A conflict or a refusal in words, with a way on; anything else is thrown on. */
export async function explain(
  context: TaskContext,
  request: FastifyRequest,
  reply: FastifyReply,
  about: BulkRequest,
  error: unknown,
) {
  if (!(error instanceof AppError) || wantsJson(request)) throw error;
  // htmx swaps only these into a dialog; for others, the error page or a toast tells.
  if (error.status !== 409 && error.status !== 422) throw error;
  const data = await explanationOf(context, about, error);
  return reply.code(error.status).page('bulk/outcome', data);
}

async function explanationOf(
  context: TaskContext,
  about: BulkRequest,
  error: AppError,
): Promise<BulkOutcomeData> {
  if (error.code === 'refused') return refusedData(about, error);
  if (error.code !== 'overlap') return explanationData(about, error);
  const { principal, url, secret } = about;
  const ids = [...new Set((error.details.holders ?? []).map(({ taskId }) => taskId))];
  const tasks = await listLive(context, principal, { ids, held: null });
  const seen = tasks.filter(({ isSeen }) => isSeen);
  const known = await named(context, principal, seen, seen);
  const { reader } = about.resource;
  return overlapData(
    about,
    conflictData({ principal, reader, secret, url, now: new Date() }, ids, [
      ...known,
      ...tasks.filter(({ isSeen }) => !isSeen),
    ]),
  );
}
