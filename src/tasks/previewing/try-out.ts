import type { Principal } from '../../auth/principal.ts';
import { DatabaseError } from '../../db/database-error.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { sortKeys } from '../../metadata/keys.ts';
import type { Operation, Through } from '../../operations/contract.ts';
import { presentKeys, without } from '../../operations/refusals/kept-back.ts';
import { clientTransaction, needsClient } from '../../operations/rules/client-transaction.ts';
import { findRewriting } from '../../operations/triggers.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { applyIsolated, type ChunkOutcome } from '../running/apply-isolated.ts';
import { readyOperation } from '../running/ready-operation.ts';

export interface Tried {
  outcome: ChunkOutcome;
  /** Records that another transaction is at: left out rather than waited for. */
  busy: string[];
  tookMs: number;
}

export interface Trial {
  resource: Resource;
  principal: Principal;
  operation: string;
  parameters: unknown;
}

/**
 * Somebody waiting for a trial waits no longer than for a chunk; this is for statements that wait
 * themselves.
 */
const lockTimeoutMs = 250;

/**
 * Does it, and takes it back: what would be changed, what is so already, what would be refused.
 * Null when `withinMs` were not enough. Nothing of it stays, and nobody is waited for.
 */
export async function tryOut(
  context: TaskContext,
  trial: Trial,
  keys: readonly string[],
  withinMs: number,
): Promise<Tried | null> {
  const { db } = context;
  const { resource, principal } = trial;
  const author = {
    taskId: null,
    chunk: null,
    principalId: principal.id,
    principalName: principal.name,
    changeReason: null,
  };
  const operation = await readyOperation(context, { ...trial, client: db.pages, snapshot: null });
  try {
    return await takenBack(context, { resource, operation }, withinMs, async (client, tx) => {
      const startedAt = performance.now();
      await client.query(
        `set local enable_seqscan = off; set local jit = off; set local lock_timeout = ${lockTimeoutMs}`,
      );
      const { free, busy } = await lockFree(client, resource, keys);
      const through = tx && { tx, principal, calls: null, log: () => undefined };
      const rewriting = await findRewriting(client, resource.model);
      const target = {
        resource,
        t: db.t,
        serverVersion: db.version,
        rewriting,
        author,
        isTrial: true,
        through,
      };
      const outcome = await applyIsolated(client, operation, target, free, trial.parameters);
      return { outcome, busy, tookMs: performance.now() - startedAt };
    });
  } catch (error) {
    if (
      [
        sqlstate.queryCanceled,
        sqlstate.lockNotAvailable,
        sqlstate.deadlockDetected,
        sqlstate.serializationFailure,
      ].includes(sqlstateOf(error) ?? '')
    )
      return null;
    throw error;
  }
}

/** Thrown to take everything back. */
class TakenBack<T> extends Error {
  readonly result: T;
  constructor(result: T) {
    super('this was a trial');
    this.result = result;
  }
}

/**
 * A transaction that always ends in a rollback, none of whose statements goes on after `withinMs`.
 */
async function takenBack<T>(
  context: TaskContext,
  { resource, operation }: { resource: Resource; operation: Operation },
  withinMs: number,
  work: (client: Queryable, tx: Through['tx'] | null) => Promise<T>,
): Promise<T> {
  const run = async (client: Queryable, tx: Through['tx'] | null): Promise<never> => {
    throw new TakenBack(await work(within(client, withinMs), tx));
  };
  try {
    if (needsClient(resource, operation))
      return await clientTransaction(
        context.registry,
        context.db.pages,
        { timeoutMs: withinMs * 2 },
        run,
      );
    return await transaction(context.db.pages, (client) => run(client, null), {
      waitsForNobody: true,
    });
  } catch (error) {
    if (error instanceof TakenBack) return error.result as T;
    throw error;
  }
}

/**
 * A statement's own timeout begins anew with every statement, so each is given what is left;
 * another connection, asked to cancel, might never be had.
 */
function within(client: Queryable, withinMs: number): Queryable {
  const deadline = performance.now() + withinMs;
  const inTime = async (text: string, values?: unknown[]) => {
    // Nothing else can be said in a transaction that a refusal has ended, and going back takes no
    // time.
    if (text.startsWith('rollback')) return client.query(text);
    const leftMs = Math.floor(deadline - performance.now());
    if (leftMs < 1)
      throw new DatabaseError(
        sqlstate.queryCanceled,
        'the time for a trial is over',
        { constraint: null, column: null },
        null,
      );
    await client.query(`set local statement_timeout = ${leftMs}`);
    return client.query(text, values);
  };
  return { query: inTime as Queryable['query'] };
}

async function lockFree(
  client: Queryable,
  { model }: Resource,
  keys: readonly string[],
): Promise<{ free: string[]; busy: string[] }> {
  const found = raw(`${keySql(model, 't')} collate "C" as key from ${model.table} t`);
  const locked = await query<{ key: string }>(
    client,
    sql`select ${found} where ${keyCondition(model, 't', keys)} for update of t skip locked`,
  );
  const free = locked.rows.map((row) => row.key);
  if (free.length === keys.length) return { free: sortKeys(free), busy: [] };
  const unlocked = without(await presentKeys(client, model, keys), free);
  const hidden =
    unlocked.length > 0 && (await hasPolicies(client, model))
      ? await neverLocked(client, model, unlocked)
      : [];
  return { free: sortKeys([...free, ...hidden]), busy: without(unlocked, hidden) };
}

async function hasPolicies(client: Queryable, { table }: ModelMeta): Promise<boolean> {
  const { rows } = await client.query<{ active: boolean }>(
    'select row_security_active($1::text::regclass) as active',
    [table],
  );
  return rows[0]?.active === true;
}

/**
 * Those that nobody is at, and that a policy keeps from being locked: waiting for a lock would be
 * an error, and they are just not there.
 */
async function neverLocked(
  client: Queryable,
  model: ModelMeta,
  keys: readonly string[],
): Promise<string[]> {
  await client.query('savepoint locking');
  try {
    await query(
      client,
      sql`select 1 from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} for update of t nowait`,
    );
    await client.query('release savepoint locking');
    return [...keys];
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
    await client.query('rollback to savepoint locking; release savepoint locking');
    const middle = Math.ceil(keys.length / 2);
    if (keys.length === 1) return [];
    return [
      ...(await neverLocked(client, model, keys.slice(0, middle))),
      ...(await neverLocked(client, model, keys.slice(middle))),
    ];
  }
}
