import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { sortKeys } from '../../metadata/keys.ts';
import { assertNoRuleFor, editsOf, getOperation } from '../../operations/operations.ts';
import { snapshotSql } from '../../operations/since-preview.ts';
import { listTriggers } from '../../operations/triggers.ts';
import { rowsOf } from '../../operations/update/moves-onto.ts';
import { valuesStatement } from '../../operations/update/update-sql.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource } from '../../resources/contract.ts';
import { reselect } from '../../selection/matching-sql.ts';
import {
  countSelection,
  getSelection,
  type Selection,
  selectionWhere,
} from '../../selection/selection.ts';
import type { TaskContext } from '../context.ts';
import { listHolders } from '../looking/holders.ts';
import { assertStayApart } from '../running/stay-apart.ts';
import {
  countPreviewCascade,
  type Findings,
  type Preview,
  previewed,
  withManner,
  writePreview,
} from './preview.ts';
import { readSelectedKeys, sampleSelectedKeys } from './read-selected-keys.ts';
import { type Tried, tryOut } from './try-out.ts';

/**
 * Up to so many records every one is tried, and the counts are exact; of more, a sample of so many.
 */
export const maxTried = 1_000;

/** Refused records of a reason that are kept, to be named or left out. */
const maxNamed = 200;

/** A task's chunks cost more than their changes alone: freezing, progress, commits. */
const overhead = 1.5;

interface Looking {
  resource: Resource;
  principal: Principal;
  preview: Preview;
}

/**
 * Finds out what confirming a preview would do, and keeps it with the preview, which from then on
 * is of this moment.
 */
export async function lookAhead(context: TaskContext, looking: Looking): Promise<Preview> {
  const { db, registry, settings } = context;
  const { resource, principal, preview } = looking;
  const deadline = performance.now() + settings.previewMs;
  const operation = getOperation(resource, preview.operation);
  await assertNoRuleFor(db.pages, resource, preview);
  await operation.check?.({ client: db.pages, registry, resource, principal }, preview.parameters);
  const selection = await getSelection(db, principal, resource, preview.selectionId);
  const selected = previewed(selection, preview);
  const { snapshot } = (
    await db.pages.query<{ snapshot: string }>(`select ${snapshotSql} as snapshot`)
  ).rows[0] as {
    snapshot: string;
  };
  const isJustMade =
    preview.findings === null &&
    preview.exclusions.length === 0 &&
    preview.selectionVersion === selection.version;
  const recordCount = isJustMade
    ? preview.recordCount
    : await countSelection(registry, resource, principal, selected);
  const cascadeCount = await countPreviewCascade(
    context,
    resource,
    principal,
    { ...preview, recordCount },
    selected,
  );
  const { runsInline } = withManner(
    context,
    { ...preview, recordCount },
    resource,
    principal,
    cascadeCount,
  );
  const keys = await keysToTry(context, looking, selected, recordCount, deadline);
  await assertApart(context, looking, selected, recordCount, keys, deadline);
  const found = await findOut(
    context,
    { ...looking, preview: { ...preview, runsInline } },
    selected,
    recordCount,
    keys,
    deadline,
  );
  const findings = { ...found, along: cascadeCount };
  // If records were left out meanwhile, these findings are about another set and are dropped: the
  // request that left them out makes its own.
  await writePreview(
    db,
    `update ${db.t.preview} set record_count = $2, selection_version = $3, findings = $4, snapshot = $5 where id = $1 and exclusions = $6`,
    [
      preview.id,
      recordCount,
      selection.version,
      JSON.stringify(findings),
      snapshot,
      preview.exclusions,
    ],
  );
  return withManner(
    context,
    { ...preview, recordCount, selectionVersion: selection.version, findings, snapshot },
    resource,
    looking.principal,
  );
}

async function keysToTry(
  context: TaskContext,
  looking: Looking,
  selected: Selection,
  count: number,
  deadline: number,
): Promise<string[]> {
  if (count === 0) return [];
  const by = { resource: looking.resource, principal: looking.principal, selected };
  if (count <= maxTried)
    return sortKeys(await readSelectedKeys(context, by, { after: null, limit: maxTried }));
  return sampleSelectedKeys(context, by, {
    count,
    limit: maxTried,
    withinMs: (deadline - performance.now()) / 2,
  });
}

/**
 * Of more records than are tried, as far as the time allows: the task asks again before it writes.
 */
async function assertApart(
  context: TaskContext,
  { resource, principal, preview }: Looking,
  selected: Selection,
  count: number,
  keys: readonly string[],
  deadline: number,
): Promise<void> {
  const { model } = resource;
  if (keys.length === 0) return;
  const edits = editsOf(resource, preview);
  if (count <= maxTried)
    return assertStayApart(context.db.pages, { isInTransaction: false }, model, edits, () =>
      rowsOf(model, keys),
    );
  const selectedRows = async () =>
    reselect(
      model,
      await context.registry.whereSql(model, selectionWhere(resource, principal, selected)),
      '*',
    );
  try {
    const look = async (client: Queryable) => {
      await client.query(
        `set local statement_timeout = ${Math.max(1, Math.round((deadline - performance.now()) / 2))}`,
      );
      await assertStayApart(client, { isInTransaction: true }, model, edits, selectedRows);
    };
    await transaction(context.db.pages, look, { waitsForNobody: true });
  } catch (error) {
    if (sqlstateOf(error) !== sqlstate.queryCanceled) throw error;
  }
}

async function findOut(
  context: TaskContext,
  looking: Looking,
  selected: Selection,
  recordCount: number,
  keys: readonly string[],
  deadline: number,
): Promise<Findings> {
  const { db } = context;
  const { resource, preview } = looking;
  const holders =
    resource.locksOffReason === null ? await listHolders(db, resource.model.name, keys) : new Map();
  const held = new Map<number, Findings['held'][number]>();
  for (const { taskId, title, resource: slug, principalId, principalName } of holders.values()) {
    const known = held.get(taskId) ?? {
      taskId,
      title,
      resource: slug,
      principalId,
      principalName,
      count: 0,
    };
    held.set(taskId, { ...known, count: known.count + 1 });
  }
  const free = keys.filter((key) => !holders.has(key));
  const { tried, count } = await tryFewer(context, looking, free, deadline);
  const { outcome, busy, tookMs } = tried;
  const expectedMs = count === 0 ? 0 : (tookMs / count) * recordCount * overhead;
  const isSample = keys.length < recordCount || count < free.length;
  const isUntried = count === 0 && free.length > 0;
  return {
    tried: count + holders.size,
    ...(isUntried && { isUntried }),
    isSample,
    changed: outcome.changed,
    unchanged: outcome.unchanged,
    refused: [...outcome.refusals, ...outcome.conflicts]
      .map(({ code, message, field = null, keys: named }) => ({
        code,
        message,
        field,
        count: named.length,
        keys: named.slice(0, maxNamed),
      }))
      .sort((a, b) => b.count - a.count),
    held: [...held.values()],
    busy: busy.length,
    missing: selected.kind === 'ticked' ? Math.max(0, selected.keys.length - recordCount) : 0,
    triggers: await listTriggers(
      db.pages,
      resource.model,
      getOperation(resource, preview.operation).writes,
    ),
    expectedMs: preview.runsInline || isUntried ? null : expectedMs,
    digest: isSample ? null : await digestOf(context, looking, keys),
  };
}

const nothing: Tried = {
  outcome: {
    changed: 0,
    unchanged: 0,
    gone: 0,
    failed: 0,
    conflicted: 0,
    keptBack: 0,
    refusals: [],
    conflicts: [],
  },
  busy: [],
  tookMs: 0,
};

/** Of a change that is slow, or mostly refused, as many as the time allows. */
async function tryFewer(
  context: TaskContext,
  looking: Looking,
  keys: readonly string[],
  deadline: number,
): Promise<{ tried: Tried; count: number }> {
  const trial = {
    resource: looking.resource,
    principal: looking.principal,
    operation: looking.preview.operation,
    parameters: looking.preview.parameters,
  };
  // After a long wait for a connection, half the time is still left for trying.
  const until = Math.max(deadline, performance.now() + context.settings.previewMs / 2);
  for (let some = keys; some.length > 0; some = some.filter((_, index) => index % 8 === 0)) {
    const leftMs = until - performance.now();
    if (leftMs < 50) break;
    // The first try may use up most of what is left, and leaves something for a smaller one.
    const tried = await tryOut(context, trial, some, leftMs * 0.6);
    if (tried) return { tried, count: some.length };
    if (some.length === 1) break;
  }
  if (keys.length === 0) return { tried: nothing, count: 0 };
  const { resource, preview } = looking;
  const isEndless =
    getOperation(resource, preview.operation).isAlwaysPreviewed?.(preview.parameters) === true;
  // An operation that is slow by nature (cascades, triggers) may still run in the background; a
  // slow expression may never end.
  if (preview.backend !== inlineName && !isEndless) return { tried: nothing, count: 0 };
  const message =
    'Not one record could be tried out within two seconds. Change fewer records, or write a simpler expression.';
  throw new AppError('too-slow', 422, message);
}

/**
 * Of the values that a preview showed. The same digest at the confirmation: nobody changed them
 * meanwhile.
 */
export async function digestOf(
  { db }: TaskContext,
  { resource, preview }: Looking,
  keys: readonly string[],
): Promise<string> {
  const fields = getOperation(resource, preview.operation).digestFields?.(preview.parameters) ?? [];
  const statement = valuesStatement(resource, keys, fields);
  const { rows } = await db.pages.query<{ key: string; texts: (string | null)[] }>(
    statement.text,
    statement.values,
  );
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex');
}
