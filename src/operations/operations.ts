import type { Principal } from '../auth/principal.ts';
import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import type { Action } from '../resources/actions.ts';
import type { Resource } from '../resources/contract.ts';
import { assertCan, can } from '../resources/permissions.ts';
import type { Offer, Operation, Undone } from './contract.ts';
import { deleteOperation } from './delete/delete.ts';
import { putAwayOperation } from './delete/put-away.ts';
import type { FieldEdit } from './field-edit.ts';
import { ownOperation } from './own/own-operation.ts';
import { assertNoRule } from './rules/rewrite-rules.ts';
import { undoOperation } from './undo/undo.ts';
import { updateOperation } from './update/update.ts';
import { editWords, type OperationWords } from './words.ts';

const members = {
  update: updateOperation,
  delete: deleteOperation,
  undo: undoOperation,
} satisfies Record<string, Operation>;

export type OperationKind = keyof typeof members;

/** Names of those that every resource has. */
export const operationKinds = Object.keys(members) as OperationKind[];

/** Those that every resource has. */
export const builtIn: readonly Operation[] = Object.values(members);

/** A run of an operation, as a task or a preview keeps it. */
export interface Run {
  readonly operation: string;
  readonly parameters: unknown;
}

/** The same where a hook of the resource's own puts records away. */
const builtInPuttingAway: readonly Operation[] = Object.values({
  ...members,
  delete: putAwayOperation,
});

/** Every operation that may be done to records of a resource. */
export function operationsOf({ operations, hooks }: Resource): readonly Operation[] {
  const all = hooks.delete ? builtInPuttingAway : builtIn;
  return operations.length === 0
    ? all
    : [...all, ...operations.map((one) => ownOperation(one, hooks.delete !== undefined))];
}

/** Null: it is not known here; a task may be of a newer version's. */
export function findOperation(resource: Resource, kind: string): Operation | null {
  return operationsOf(resource).find((operation) => operation.kind === kind) ?? null;
}

/**
 * Words of an operation where its resource is not known: of the project's own, those of an edit.
 */
export function wordsOf(kind: string): OperationWords {
  return builtIn.find((operation) => operation.kind === kind)?.words ?? editWords;
}

/** Throws AppError 'unknown-operation' (409). */
export function getOperation(resource: Resource, kind: string): Operation {
  const operation = findOperation(resource, kind);
  if (!operation)
    throw new AppError(
      'unknown-operation',
      409,
      `There is no operation “${kind}” here (any more). Nothing was changed.`,
    );
  return operation;
}

/**
 * Those that the principal may begin on a selection, or on a record, in the order of their buttons.
 */
export function offeredTo(
  resource: Resource,
  principal: Principal,
  place: 'selection' | 'record' = 'selection',
): readonly (Operation & { offer: Offer })[] {
  return operationsOf(resource)
    .filter(isOffered)
    .filter(
      (operation) => operation.offer.on.includes(place) && mayBegin(resource, principal, operation),
    );
}

function isOffered(operation: Operation): operation is Operation & { offer: Offer } {
  return operation.offer !== null;
}

export function mayBegin(resource: Resource, principal: Principal, operation: Operation): boolean {
  return can(resource, principal, operation.action) && (operation.isAllowed?.(principal) ?? true);
}

/** Throws AppError 'forbidden' (403). */
export function assertMayBegin(
  resource: Resource,
  principal: Principal,
  operation: Operation,
): void {
  assertCan(resource, principal, operation.action);
  if (!mayBegin(resource, principal, operation)) throw forbidden(resource);
}

function forbidden({ label }: Resource): AppError {
  return new AppError('forbidden', 403, `You may not do this with ${label.toLowerCase()}.`);
}

/** What the principal must be allowed to do, for a run with these parameters. */
export function actionOf(resource: Resource, { operation: kind, parameters }: Run): Action {
  const operation = getOperation(resource, kind);
  return operation.actionOf?.(parameters) ?? operation.action;
}

/** May this be done, retried or taken back by the principal? What is not known here, by nobody. */
export function mayRun(resource: Resource, principal: Principal, run: Run): boolean {
  return isAllowed(resource, principal, run) && can(resource, principal, actionOf(resource, run));
}

/** By the operation's own rule; an undo by the rule of what it takes back. */
function isAllowed(resource: Resource, principal: Principal, run: Run): boolean {
  const operation = findOperation(resource, run.operation);
  if (!operation) return false;
  const undone = undoneOf(resource, run);
  return (
    (operation.isAllowed?.(principal) ?? true) &&
    (!undone?.what || isAllowed(resource, principal, undone.what))
  );
}

/** May it be taken back by the principal, and can it be at all? */
export function mayUndo(resource: Resource, principal: Principal, run: Run): boolean {
  return (
    findOperation(resource, run.operation)?.isUndoable !== false && mayRun(resource, principal, run)
  );
}

/** Throws AppError 'forbidden' (403). */
export function assertMayRun(resource: Resource, principal: Principal, run: Run): void {
  assertCan(resource, principal, actionOf(resource, run));
  if (!mayRun(resource, principal, run)) throw forbidden(resource);
}

/** What a run does to single fields, where that can be said one by one. */
export function editsOf(resource: Resource, { operation, parameters }: Run): readonly FieldEdit[] {
  // A form is not filled in yet, and a task of another version may have kept something else.
  if (typeof parameters !== 'object' || parameters === null) return [];
  return findOperation(resource, operation)?.edits?.(parameters) ?? [];
}

/** Asked before a run is previewed or launched; sets are written by one statement. */
export function assertNoRuleFor(client: Queryable, resource: Resource, run: Run): Promise<void> {
  const { writes } = getOperation(resource, run.operation);
  const fields = editsOf(resource, run).map(({ field }) => field);
  return assertNoRule(client, resource.model, [writes], { isSet: true, fields });
}

/** Those of them that are of fields which the resource shows, and read no other. */
export function seenEdits(resource: Resource, run: Run): readonly FieldEdit[] {
  const isSeen = (name: unknown) => resource.fields.some(({ meta }) => meta.name === name);
  return editsOf(resource, run).filter(
    ({ field, change, value }) => isSeen(field) && (change !== 'copy' || isSeen(value)),
  );
}

/** What was done first, where a run takes something back; null: it does not. */
export function undoneOf(resource: Resource, { operation, parameters }: Run): Undone | null {
  return findOperation(resource, operation)?.undone?.(parameters ?? {}) ?? null;
}

/** The same where its resource is not known here. */
export function undoneAnywhere({ operation, parameters }: Run): Undone | null {
  const known: Operation | undefined = builtIn.find(({ kind }) => kind === operation);
  return known?.undone?.(parameters ?? {}) ?? null;
}
