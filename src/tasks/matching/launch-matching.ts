import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { assertQueueRoom } from '../launching/queue-room.ts';
import type { TasksQuery } from '../looking/tasks-query.ts';
import { launchOwn } from '../own/launch-own.ts';
import { filterText, type MatchingAct } from './matching-acts.ts';
import {
  assertInBackground,
  definitionOf,
  type MatchingPreview,
  type MatchingTotal,
  previewMatching,
} from './preview-matching.ts';

/** What somebody confirmed. */
export interface ConfirmedMatching {
  act: MatchingAct;
  query: TasksQuery;
  /** As was shown. */
  upTo: number;
  shown: MatchingTotal;
  /** The form's one-time operation id. */
  operationId: string;
}

/** More match than were shown, or none does: as it is now, to be shown. */
export interface StaleMatching {
  stale: MatchingPreview | null;
}

/**
 * Launches the task that acts on all tasks that match, with what was shown. Nothing takes as long as
 * there are tasks. Throws AppError 'not-later' (422), 'queue-full' (409), 'preview-gone' (409), and
 * as `readTaskSearch`.
 */
export async function launchMatching(
  context: TaskContext,
  principal: Principal,
  { act, query: asked, upTo, shown, operationId }: ConfirmedMatching,
): Promise<Launched | StaleMatching> {
  const { db } = context;
  const earlier = await findTaskByOperation(db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  assertInBackground(context, act, principal);
  const preview = await previewMatching(context, principal, act, asked, upTo);
  if (!preview || preview.total.value === 0 || isMore(preview.total, shown))
    return { stale: preview };
  const { timeZone } = readerOf(principal);
  const params = {
    filter: filterText(preview.query),
    timeZone,
    upTo: preview.upTo,
    shown: shown.value,
    isExact: shown.isExact,
  };
  return transaction(db.pages, async (client) => {
    await assertQueueRoom(client, context, principal);
    const launch = { principal, operationId, isFromPage: true };
    const task = await launchOwn(context, definitionOf(context, act), params, launch, client);
    if (task.operationId !== operationId.toLowerCase())
      throw new AppError('preview-gone', 409, 'This form is no longer valid. Open it again.');
    const rows = preview.sample.map(({ task: { id, state }, why }) => ({ id, state, why }));
    const findings = { kind: 'tasks', counts: preview.counts, total: shown };
    const kept = await query(
      client,
      sql`insert into ${raw(db.t.task_preview)} (task_id, findings, rows) values (${task.id}, ${JSON.stringify(findings)}, ${JSON.stringify(rows)}) on conflict do nothing returning task_id`,
    );
    return { task, outcome: kept.rows.length > 0 ? 'queued' : 'already' };
  });
}

function isMore(now: MatchingTotal, shown: MatchingTotal): boolean {
  if (!shown.isExact) return false;
  return !now.isExact || now.value > shown.value;
}
