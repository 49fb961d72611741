import type { Pool } from 'pg';
import { hasOwnSessions } from '../../db/pool.ts';
import { blame } from '../../db/sqlstate.ts';
import { beginningOf } from '../../db/transaction.ts';
import { joinOf } from '../../metadata/model-fields.ts';
import type { Operation } from '../../operations/contract.ts';
import { linksOf } from '../../operations/journal/images.ts';
import { needsClient } from '../../operations/rules/client-transaction.ts';
import { hasTriggers } from '../../operations/triggers.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import type { TaskRow } from '../task-row.ts';
import { settingsOf } from './chunk-transaction.ts';
import { type Loop, type Looped, loopInServer } from './loop-in-server.ts';
import { nextPace } from './pace.ts';
import { type ChunkResult, type Running, rest, runChunk, targetOf } from './run-chunk.ts';

/** Milliseconds of a call, after which it is asked again who cancelled, paused or left. */
const callMs = 250;
const maxPause = 32;

/**
 * Null: what it does is asked for by round trips. A commit is waited for where something beside the
 * table may depend on it: a trigger’s doings, a standby that acknowledges.
 */
export async function startLoop(
  pool: Pool,
  { task, resource, operation }: { task: TaskRow; resource: Resource; operation: Operation },
): Promise<Loop | null> {
  const isWhole = task.isAtomic || (task.total ?? 0) <= (operation.together ?? 0);
  if (!operation.held || operation.watch || isWhole || needsClient(resource, operation))
    return null;
  // Its settings are the session's.
  if (!hasOwnSessions(pool)) return null;
  const { rows } = await pool.query<{ isAlone: boolean }>(
    `select current_setting('synchronous_standby_names') = '' as "isAlone"`,
  );
  const tables = [
    resource.model.table,
    ...linksOf(resource.model).map((field) => joinOf(field).joinTable),
  ];
  const isAsync = rows[0]?.isAlone === true && !(await hasTriggers(pool, tables));
  return { isAsync, chunks: 1, pause: 0, lastPause: 0 };
}

/** Does chunks: several in one call of the server where that is possible, or one. */
export async function runChunks(
  context: TaskContext,
  pool: Pool,
  running: Running,
): Promise<ChunkResult> {
  const { loop, pace } = running;
  if (!loop || pace.isCareful || loop.pause > 0) {
    if (loop && loop.pause > 0) loop.pause -= 1;
    return runChunk(context, pool, running);
  }
  running.rows = pace.rows;
  const looped = await call(context, pool, running, loop);
  if (!looped) {
    running.loop = null;
    return runChunk(context, pool, running);
  }
  const last = learn(context, running, looped);
  loop.chunks = Math.min(loop.chunks * 2, 1_000_000);
  if (looped.error !== undefined) {
    if (blame(looped.error) !== 'row') throw looped.error;
    running.pace = { ...running.pace, isCareful: true };
    return runChunk(context, pool, running);
  }
  if (looped.end === 'left') {
    // Where many chunks have such records, trying them within the server first is lost time.
    loop.pause = looped.chunks.length > 0 ? 0 : Math.min(loop.lastPause * 2 + 1, maxPause);
    loop.lastPause = loop.pause;
    return runChunk(context, pool, running);
  }
  if (last?.isWaitedFor) await rest(last.tookMs);
  return looped.end;
}

async function call(
  context: TaskContext,
  pool: Pool,
  running: Running,
  { isAsync, chunks }: Loop,
): Promise<Looped | null> {
  const { settings } = context;
  const { task, resource, operation, lease, pace } = running;
  const target = targetOf(context, null, running, 0);
  return loopInServer(pool, operation, target, task.parameters, lease, {
    rows: pace.rows,
    chunks,
    ms: Math.min(callMs, settings.statementTimeoutMs / 4),
    slowMs: settings.chunkTargetMs * 2,
    stopRatio: task.stopRatio ?? resource.stopRatio ?? settings.stopRatio,
    isAsync,
    settings: {
      ...Object.fromEntries(
        Object.entries(beginningOf(pool)).map(([name, value]) => [name, String(value)]),
      ),
      ...settingsOf(context, 0),
      default_transaction_isolation: 'read committed',
      ...(isAsync && { synchronous_commit: 'off' }),
    },
  });
}

/** The pace and the meters follow each chunk. */
function learn(context: TaskContext, running: Running, { chunks }: Looped) {
  for (const chunk of chunks) {
    const { changed, unchanged, gone, ...times } = chunk;
    const counts = { changed, unchanged, gone, failed: 0, conflicted: 0, keptBack: 0 };
    context.meters.chunk(counts, times.tookMs);
    running.pace = nextPace(
      running.pace,
      { ...times, wasRefused: false },
      context.settings.chunkTargetMs,
      running.resource.chunkSize,
    );
  }
  return chunks.at(-1);
}
