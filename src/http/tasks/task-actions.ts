import { randomUUID } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { seesDeliveries } from '../../channels/deliveries.ts';
import { readerOf } from '../../fields/reader.ts';
import { findOperation, mayRun, mayUndo } from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';
import { taskRecordsFilter } from '../../selection/task-records.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { canAcknowledge } from '../../tasks/control/acknowledge.ts';
import { runsAgainUntil } from '../../tasks/follow-ups/run-again.ts';
import { undoneThrough } from '../../tasks/follow-ups/undone-through.ts';
import {
  countRetryable,
  type FollowUpTask,
  listFollowUps,
} from '../../tasks/looking/failed-records.ts';
import { isFinished, type TaskState } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { formatTimestamp } from '../format.ts';
import type { Url } from '../url.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { type InList, inList } from './in-list.ts';
import { taskTexts } from './tasks-texts.ts';

export interface RetryForm {
  action: string;
  /** The one-time id of the form. */
  operationId: string;
  /** Empty: every reason. */
  code: string;
  label: string;
}

/** What can be done about a task that has finished, and what was. */
export interface TaskActions {
  heading: string;
  /** That all it changed was taken back. */
  undone: string | null;
  retry: RetryForm | null;
  /** Runs it once more although its result would do, and until when that would. */
  again: (RetryForm & { note: string }) | null;
  retryOf: ReadonlyMap<string, RetryForm>;
  undo: { href: string; label: string } | null;
  /** To the records that it changed, where they are the reader's to see. */
  changes: { href: string; label: string } | null;
  failures: { href: string; label: string } | null;
  /** The failed records in their list: to be changed in another way. */
  failed: InList | null;
  /** A repeat meets again what refused them: it is not what to do first. */
  isRetryVain: boolean;
  csv: { href: string; label: string } | null;
  /** Says that somebody has seen to what failed, or takes that back. */
  acknowledgement: { action: string; label: string; note: string | null } | null;
  relatives: readonly { href: string; label: string }[];
}

export async function taskActions(
  {
    context,
    principal,
    resource,
    url,
  }: {
    context: Pick<TaskContext, 'db' | 'registry' | 'definitions' | 'log' | 'channels'>;
    principal: Principal;
    resource: Resource | null;
    url: Url;
  },
  task: TaskRow,
): Promise<TaskActions> {
  const { db } = context;
  const mayAct = resource !== null && isFinished(task.state) && mayRun(resource, principal, task);
  const hasFailed =
    task.failed + task.conflicted + task.keptBack > 0 || task.reason === 'time-limit';
  const [until, retryable, followUps, isUndoable] = await Promise.all([
    runsAgainUntil(context, principal, task),
    mayAct && hasFailed ? countRetryable(db, task.id) : new Map<string, number>(),
    isFinished(task.state) ? listFollowUps(db, task.id) : [],
    task.kind === 'own'
      ? undoneThrough(context, principal, task).then((through) => through !== null)
      : mayAct && mayUndo(resource, principal, task) && task.changed > 0,
  ]);
  const isBack = isUndone(task, followUps);
  const form = (code: string, label: string, act = 'retry'): RetryForm => ({
    action: url(`/tasks/${task.id}/${act}`),
    operationId: randomUUID(),
    code,
    label,
  });
  const canRunAgain = task.kind === 'own' && isFinished(task.state) && task.state !== 'succeeded';
  const total = [...retryable.values()].reduce((sum, count) => sum + count, 0);
  const failures = url(`/tasks/${task.id}/failures`);
  return {
    heading: followUpTexts.actions,
    undone: isBack ? taskTexts.undone : null,
    retry: canRunAgain
      ? form('', taskTexts.own.retry)
      : total > 0
        ? form('', followUpTexts.retryAll(total))
        : null,
    again: until && {
      ...form('', taskTexts.own.runAgain, 'again'),
      note: taskTexts.own.reusedUntil(
        formatTimestamp(until, new Date(), readerOf(principal).timeZone),
      ),
    },
    retryOf: new Map(
      [...retryable].map(([code, count]) => [code, form(code, followUpTexts.retryReason(count))]),
    ),
    undo:
      isUndoable && !isBack
        ? { href: url(`/tasks/${task.id}/undo`), label: followUpTexts.undo }
        : null,
    changes:
      resource && task.changed > 0
        ? { href: url(`/tasks/${task.id}/changes`), label: followUpTexts.showChanged(task.changed) }
        : null,
    failed:
      hasFailed && isFinished(task.state) ? failedInList({ resource, principal, url }, task) : null,
    isRetryVain: task.conflicted === 0,
    failures: hasFailed ? { href: failures, label: followUpTexts.showAll } : null,
    csv: hasFailed ? { href: `${failures}.csv`, label: followUpTexts.csv } : null,
    acknowledgement: acknowledgementOf(task, principal, url),
    relatives: [
      ...(task.parentId === null
        ? []
        : [relative(task.parentId, taskTexts.own.childOf(task.parentId), url)]),
      ...(task.followsId === null
        ? []
        : [
            relative(
              task.followsId,
              followUpTexts.parent[isUndo(task) ? 'undo' : 'retry'](task.followsId),
              url,
            ),
          ]),
      ...(task.onFinished?.taskId
        ? [
            relative(
              task.onFinished.taskId,
              taskTexts.own.launchedNext(task.onFinished.title, task.onFinished.taskId),
              url,
            ),
          ]
        : []),
      ...(isFinished(task.state) && task.backend !== 'inline' && seesDeliveries(context, principal)
        ? [{ href: url(`/tasks/deliveries?task=${task.id}`), label: taskTexts.deliveries }]
        : []),
      ...followUps.map(({ id, isUndo: undoes, state }) =>
        relative(
          id,
          followUpTexts.child[undoes ? 'undo' : 'retry'](id, taskTexts.states[state as TaskState]),
          url,
        ),
      ),
    ],
  };
}

function acknowledgementOf(
  { id, state, acknowledgedAt, acknowledgedBy }: TaskRow,
  principal: Principal,
  url: Url,
): TaskActions['acknowledgement'] {
  if (!canAcknowledge(state)) return null;
  const action = url(`/tasks/${id}/acknowledgement`);
  if (!acknowledgedAt) return { action, label: followUpTexts.acknowledge, note: null };
  const at = formatTimestamp(acknowledgedAt, new Date(), readerOf(principal).timeZone);
  return {
    action: `${action}/withdrawal`,
    label: followUpTexts.withdraw,
    note: followUpTexts.acknowledgedBy(acknowledgedBy ?? '', at),
  };
}

/** The records of a task that failed, for one reason or any. */
export function failedInList(
  parts: { resource: Resource | null; principal: Principal; url: Url },
  {
    id,
    operation,
    failed,
    conflicted,
    keptBack,
  }: Pick<TaskRow, 'id' | 'operation' | 'failed' | 'conflicted' | 'keptBack'>,
  reason: { code: string; count: number } | null = null,
): InList | null {
  const count = reason?.count ?? failed + conflicted + keptBack;
  const hasFields =
    parts.resource && findOperation(parts.resource, operation)?.offer?.view === 'bulk/edit';
  return inList(parts, taskRecordsFilter('failed', id, reason?.code ?? null), {
    select: hasFields ? followUpTexts.changeFailed(count) : followUpTexts.selectFailed(count),
    list: followUpTexts.listFailed(count),
  });
}

/**
 * Its undos have put back as many records as it changed; one that was undone in its turn is not
 * counted. Of what code did each has succeeded.
 */
function isUndone({ kind, changed }: TaskRow, followUps: readonly FollowUpTask[]): boolean {
  if (kind === 'own') {
    const undos = followUps.filter((undo) => undo.isUndo && !undo.isUndone);
    return undos.length > 0 && undos.every(({ state }) => state === 'succeeded');
  }
  return (
    changed > 0 &&
    followUps.some((undo) => undo.isUndo && undo.changed >= changed && !undo.isUndone)
  );
}

function isUndo({ selection, isUndo: isOwn }: TaskRow): boolean {
  return isOwn || selection?.kind === 'changed';
}

function relative(id: number, label: string, url: Url): { href: string; label: string } {
  return { href: url(`/tasks/${id}`), label };
}
