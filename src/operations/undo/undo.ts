import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { appliedBy } from '../applied-by.ts';
import { deletedCascade, keepCascade, lockCascade, type Taking } from '../cascade/cascade.ts';
import { findCascade } from '../cascade/dependants.ts';
import type { ApplyCounts, ApplyTarget, Operation, PrepareContext, Refusal } from '../contract.ts';
import { inHalves, sumOf } from '../in-halves.ts';
import { journal } from '../journal-kind.ts';
import { isFixed } from '../rules/fixed-fields.ts';
import { undoWords } from '../words.ts';
import { watchUndo } from './alterations.ts';
import { type ColumnTypes, readColumnTypes } from './column-types.ts';
import type { Shape } from './entries-of-keys.ts';
import type { UndoneParameters, UndoParameters } from './undo-parameters.ts';
import { heldUndo, restorableStatement, undoStatement } from './undo-sql.ts';

/** Takes back what another task did, record by record, from the images that it kept. */
export const undoOperation: Operation<UndoneParameters> = {
  kind: 'undo',
  offer: null,
  words: undoWords,
  action: 'bulk-update',
  actionOf: ({ action }) => action,
  writes: journal.changed,
  writePath: () => 'sql',
  writesImages: true,
  scopeMove: ({ isPutAway, isRedo = false }) => {
    if (!isPutAway) return null;
    return isRedo ? 'leaves' : 'enters';
  },
  mayChange: (resource, principal, { shapes, isPutAway }) =>
    isPutAway ||
    !shapes.some(({ fields }) => fields.some((name) => isFixed(resource, principal, name))),
  recreates: ({ taskId, action, shapes, along: cascade = [] }) =>
    shapes.some(({ kind }) => kind === journal.deleted)
      ? {
          taskId,
          action,
          models: cascade.filter(({ isThere }) => isThere).map(({ model }) => model),
        }
      : null,
  undone: ({ what, isRedo = false }) => ({ ...(what && { what }), isRedo }),
  parse() {
    throw new AppError('invalid-operation', 422, 'A task is undone from its own page.', {
      fieldErrors: {},
    });
  },
  title: (resource) => `Undo changes of ${resource.label.toLowerCase()}`,
  describe: (_resource, { taskId, title }) => [`Take back task ${taskId}: ${title}`],
  statement: (target, keys, params) => {
    const [shape, ...more] = params.shapes;
    return shape && more.length === 0 ? undoStatement(target, keys, params, shape) : null;
  },
  apply: (client, target, keys, params) =>
    undoEach(params, (shape) => takeBack(client, target, keys, params, shape)),
  async prepared(context, params) {
    const { client, resource } = context;
    const watch = await watchUndo(client, resource, params);
    const prepared = await preparedFor(context, params);
    // Where it is applied in another way, nothing goes past that.
    const held = prepared.statement && (await heldBy(client, resource.model, params));
    return { ...prepared, ...(held && { held }), ...(watch && { watch }) };
  },
};

async function heldBy(
  client: Queryable,
  { table }: ModelMeta,
  { shapes: [only] }: UndoParameters,
): Promise<NonNullable<Operation<UndoneParameters>['held']>> {
  const types: ColumnTypes =
    only?.kind === journal.deleted ? await readColumnTypes(client, table) : new Map();
  return (target, keys, params) => {
    const [shape, ...more] = params.shapes;
    return shape && more.length === 0 ? heldUndo(target, keys, params, shape, types) : null;
  };
}

async function preparedFor(
  { client, registry, resource, holdersOf }: PrepareContext,
  { shapes, along: cascade = [] }: UndoParameters,
): Promise<Operation<UndoneParameters>> {
  if (!shapes.some(({ kind }) => kind === journal.created)) {
    if (cascade.some(({ isThere }) => isThere))
      return { ...appliedBy(undoOperation, bringBackCascade), firstRows: 50 };
    return {
      ...undoOperation,
      ...(shapes.some(({ kind }) => kind === journal.deleted) && { firstRows: 50 }),
    };
  }
  const found = await findCascade(client, registry, resource.model);
  if (found.isKept && found.dependants.length === 0) return undoOperation;
  const taking = found.isKept ? { dependants: found.dependants, holdersOf } : null;
  const apply: typeof undoOperation.apply = (client, target, keys, params) =>
    undoEach(params, (shape) =>
      shape.kind === journal.created
        ? removeWithCascade(client, target, keys, params, shape, taking)
        : takeBack(client, target, keys, params, shape),
    );
  return { ...appliedBy(undoOperation, apply), firstRows: 10 };
}

/**
 * A record that went with several comes back with the last of them, so they are restored one after
 * another: side by side, none would be the last.
 */
async function bringBackCascade(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  params: UndoParameters,
): Promise<ApplyCounts> {
  await client.query(`select 1 from ${target.t.task} where id = $1 for no key update`, [
    params.taskId,
  ]);
  return undoEach(params, (shape) => takeBack(client, target, keys, params, shape));
}

async function undoEach(
  { shapes }: UndoParameters,
  undo: (shape: Shape) => Promise<ApplyCounts>,
): Promise<ApplyCounts> {
  let total: ApplyCounts = { changed: 0, unchanged: 0, gone: 0 };
  for (const shape of shapes) total = sumOf(total, await undo(shape));
  return total;
}

async function takeBack(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  params: UndoParameters,
  shape: Shape,
  cascadeKept?: readonly string[] | null,
): Promise<ApplyCounts> {
  const { text, values } = undoStatement(target, keys, params, shape, cascadeKept);
  const { rows } = await client.query<ApplyCounts & { refusals: Refusal[] }>(text, values);
  return rows[0] ?? { changed: 0, unchanged: 0, gone: 0 };
}

/** Deletes what the task brought back, and keeps its cascade. Null: it cannot be kept. */
async function removeWithCascade(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  params: UndoParameters,
  shape: Shape,
  taking: Taking | null,
): Promise<ApplyCounts> {
  if (taking === null) return takeBack(client, target, keys, params, shape, null);
  const restorable = restorableStatement(target, keys, params, shape);
  const { rows } = await client.query<{ key: string }>(restorable.text, restorable.values);
  const going = rows.map(({ key }) => key);
  const { free, conflicts, isTooMany } = await lockCascade(
    client,
    target.resource.model,
    taking,
    going,
  );
  if (isTooMany && keys.length > 1)
    return inHalves(keys, (half) => removeWithCascade(client, target, half, params, shape, taking));
  const held = new Set(conflicts.flatMap((conflict) => conflict.keys));
  const { dependants, cascadeKept } = deletedCascade(taking.dependants, isTooMany);
  if (free.length > 0) await keepCascade(client, target, dependants, free);
  const rest = keys.filter((key) => !held.has(key));
  const left: ApplyCounts = { changed: 0, unchanged: 0, gone: 0, conflicts };
  return rest.length === 0
    ? left
    : sumOf(left, await takeBack(client, target, rest, params, shape, cascadeKept));
}
